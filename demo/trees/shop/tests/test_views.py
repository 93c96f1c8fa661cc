"""Not needed in the image, and yet copied."""


def test_shelf_is_shown(client):
    assert client.get("/").status_code == 200
