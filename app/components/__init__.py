"""The two gestures that must feel instant: dragging the threshold, and picking an image.

Each folder holds one component: a Python wrapper (`__init__.py`) and the browser's half (`*.js`,
`style.css`), read as text at import. There is no build step and nothing is fetched from elsewhere.
"""
