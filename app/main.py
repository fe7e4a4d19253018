"""Entry of the dashboard: `streamlit run app/main.py`.

Serves the pages of dashboard.py, the images of a case on a route of their own (grids of images through
Streamlit would be encoded again on every run), and answers only to the host names it is meant for.
"""

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from app import bundles
from app.images import picture

HOSTS = ["localhost", "127.0.0.1", "[::1]"]  # Streamlit's own allowedHosts guards only the websocket

app = st.App(
    "dashboard.py",
    routes=[
        Route("/picture/{run}/{kind}/{row:int}.png", picture),
        Route("/bundle/{name}", bundles.download),
    ],
    middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
)
