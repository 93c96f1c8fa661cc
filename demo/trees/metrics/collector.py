"""Collects counters and prints them once a minute."""
import json
import time

import requests

while True:
    answer = requests.get("http://localhost:9100/counters", timeout=5)
    print(json.dumps(answer.json(), sort_keys=True), flush=True)
    time.sleep(60)
