"""A web page that calls any method of a gRPC server and shows what the suite does.

A tab of the page is a module here with a function `routes(console)`, listed in `app.py`, and a JavaScript module with a
function `mount(panel)`, listed in `static/main.js`.
"""
