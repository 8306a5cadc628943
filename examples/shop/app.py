"""The Lambda entry point: the shop behind an ALB, as an ordinary WSGI application.

turnout service create shop --runtime lambda --handler app.handler
"""

from apig_wsgi import make_lambda_handler
from shop import create_app

handler = make_lambda_handler(create_app())
