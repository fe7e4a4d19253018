"""Entry of the dashboard: `streamlit run app/main.py`.

Serves the pages of dashboard.py, and the images and bundles of a case on routes of their own (grids of images through
Streamlit would be encoded again on every run). It will not start where strangers could reach it unless it is told to,
and a guard stands before every answer.
"""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from app import bundles, serving
from app.guard import Guard
from app.images import picture

serving.settle()
app = st.App(
    "dashboard.py",
    routes=[
        Route("/picture/{run}/{kind}/{row}.png", picture),
        Route("/bundle/{name}", bundles.download),
    ],
    middleware=[Middleware(Guard)],
)
