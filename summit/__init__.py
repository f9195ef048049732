from summit.celery import app as celery_app

__version__ = "0.2.0"

__all__ = ["celery_app"]
