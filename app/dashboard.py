"""The pages and what surrounds every one of them."""

import streamlit as st

from app import shell
from core import paths

st.set_page_config(
    page_title="Influence Collapse Explorer",
    page_icon=str(paths.ASSETS / "images" / "icon.png"),
    layout="wide",
)

page = st.navigation(
    {
        "Case": [
            st.Page("views/cases.py", title="Cases", icon=":material/folder_open:", default=True),
            st.Page("views/investigate.py", title="Investigate", icon=":material/search:"),
            st.Page("views/attack.py", title="Attack", icon=":material/bug_report:"),
            st.Page("views/unlearn.py", title="Unlearn", icon=":material/healing:"),
            st.Page("views/set_up.py", title="New investigation", icon=":material/add_circle:"),
        ],
        "Learn": [st.Page("views/method.py", title="Method", icon=":material/menu_book:")],
        "Studies": [
            st.Page("views/studies.py", title="The papers' tables", icon=":material/table_chart:"),
        ],
        "System": [
            st.Page("views/jobs.py", title="Jobs", icon=":material/schedule:"),
            st.Page("views/settings.py", title="Settings", icon=":material/tune:"),
        ],
    }
)
shell.frame()
with shell.explained_errors():
    page.run()
