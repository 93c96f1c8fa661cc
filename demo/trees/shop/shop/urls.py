"""Which address shows what."""
from django.urls import path

from shop import views

urlpatterns = [
    path("", views.shelf),
    path("import", views.import_catalogue),
    path("pictures/<slug:name>", views.picture),
]
