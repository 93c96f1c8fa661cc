"""The pages of the shop."""
import io

import requests
import yaml
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from PIL import Image

SUPPLIER = "https://supplier.example/catalogue.yaml"


def shelf(request):
    """Everything on sale."""
    return render(request, "shelf.html", {"goods": []})


def import_catalogue(request):
    """Reads the supplier's list."""
    answer = requests.get(SUPPLIER, timeout=10)
    return JsonResponse({"goods": len(yaml.safe_load(answer.text))})


def picture(request, name):
    """A picture, made small."""
    with Image.open(f"/srv/shop/media/{name}.webp") as full:
        full.thumbnail((320, 320))
        small = io.BytesIO()
        full.save(small, "WEBP")
    return HttpResponse(small.getvalue(), content_type="image/webp")
