"""Settings of the shop. What differs between machines comes from the environment."""
import os

DEBUG = os.environ.get("SHOP_DEBUG") == "1"
SECRET_KEY = os.environ["SHOP_SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "localhost").split(",")
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.staticfiles", "shop"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("SHOP_DB_HOST", "db"),
        "NAME": "shop",
    }
}
