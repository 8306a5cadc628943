"""A small shop: an ordinary Flask application that knows nothing of Turnout but three environment variables.

`python -m flask --app shop run` serves it on this machine as well.
"""

from flask import Flask, Response, abort, jsonify, render_template, request

from shop.catalog import Catalog
from shop.release import Release, source_digest
from shop.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    settings = settings or Settings.from_environ()
    release, catalog = Release.from_environ(), Catalog()
    app = Flask(__name__)

    @app.get("/")
    def storefront() -> str:
        return render_template("storefront.html", settings=settings, release=release, products=catalog.products())

    @app.get("/products")
    def products() -> Response:
        return jsonify([product.shown(settings.currency) for product in catalog.products()])

    @app.get("/products/<int:number>")
    def product(number: int) -> Response:
        found = catalog.find(number) or abort(404)
        return jsonify(found.shown(settings.currency))

    @app.post("/cart")
    def cart() -> Response:
        wanted = [catalog.find(number) or abort(422) for number in request.get_json()["products"]]
        return jsonify(total=f"{sum(product.cents for product in wanted) / 100:.2f} {settings.currency}", items=len(wanted))

    @app.get("/about")
    def about() -> Response:
        return jsonify(version=release.version, color=release.color, source=source_digest(), settings=settings.shown())

    @app.get("/health")
    def health() -> Response:
        return jsonify(ok=True)

    @app.after_request
    def name_the_release(response: Response) -> Response:
        response.headers["X-Release"] = release.version
        response.headers["X-Color"] = release.color
        return response

    return app
