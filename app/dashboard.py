"""The pages and what surrounds every one of them."""

import streamlit as st

from app import address_bar, frame, shell, signed_in
from core import paths

st.set_page_config(
    page_title="Influence Collapse Explorer",
    page_icon=str(paths.ASSETS / "images" / "icon.png"),
    layout="wide",
)

signed_in.gate()
page = st.navigation(
    {
        "Case": [
            st.Page("views/cases.py", title="Cases", icon=":material/folder_open:", default=True),
            st.Page("views/set_up.py", title="New investigation", icon=":material/add_circle:"),
            st.Page("views/investigate.py", title="Investigate", icon=":material/search:"),
            st.Page("views/review.py", title="Review", icon=":material/fact_check:"),
            st.Page("views/unlearn.py", title="Unlearn", icon=":material/healing:"),
            st.Page("views/report.py", title="Report", icon=":material/description:"),
            st.Page("views/attack.py", title="Attack", icon=":material/bug_report:"),
            st.Page("views/image.py", title="Training image", url_path="image", visibility="hidden"),
        ],
        "Learn": [
            st.Page("views/guided.py", title="Guided case", icon=":material/school:"),
            st.Page("views/sandbox.py", title="Sandbox", icon=":material/scatter_plot:"),
            st.Page("views/challenge.py", title="Challenges", icon=":material/visibility_off:"),
            st.Page("views/method.py", title="Method", icon=":material/functions:"),
            st.Page("views/guide.py", title="Guide", icon=":material/menu_book:"),
        ],
        "Studies": [
            st.Page("views/studies.py", title="The papers' tables", icon=":material/table_chart:"),
        ],
        "System": [
            st.Page("views/jobs.py", title="Jobs", icon=":material/schedule:"),
            st.Page("views/settings.py", title="Settings", icon=":material/tune:"),
        ],
    },
    expanded=True,
)
frame.frame(of_jobs=page.url_path == "jobs")
with shell.explained_errors():
    page.run()
address_bar.arrived()
