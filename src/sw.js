// The service worker: the page opens without a network, and so does the demo once it was opened.
//
// The build (`xtask`, `pwa.rs`) puts the version and the list of the page's files in place of the two
// constants. What it keeps:
// - the page, when it is installed: a cache for each version, the old ones are deleted;
// - the demo (samples, the advisories that they need, the tour), when the page asks for it: a cache named
//   by what is in it, made anew when the server's samples, database or chapters change.
// Files whose names carry a hash come from a cache first. All else comes from the network first, and from
// a cache when there is none. Other origins, the relay and everything that is not read are not touched.
"use strict";

const VERSION = "0000000000000000";
const FILES = [];

const SHELL = "lamina-page-";
const DEMO = "lamina-demo-";
// A server that does not answer is no network.
const PATIENCE_MS = 6000;
// A demo of more than this is none of ours.
const MOST_DEMO_BYTES = 64e6;
const MOST_DEMO_FILES = 600;
// The shards that the samples need. A server may have a database of hundreds of megabytes beside them.
const SHARDS = ["alpine:3.18", "debian:12", "pypi"];
const MOST_PROSE_BYTES = 4e6;

const scope = new URL("./", self.location).href;
const url = (path) => new URL(path, scope).href;
const shell = SHELL + VERSION;

let isBusy = false;
let problem = null;
// Whether the page on show came from the cache: its modules must then come from there as well.
let isPageFromCache = false;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  const client = event.source;
  if (event.data === "take-over") {
    event.waitUntil(self.skipWaiting());
  } else if (event.data === "state") {
    event.waitUntil(tell(client));
  } else if (event.data === "keep-demo") {
    event.waitUntil(keepDemo(client));
  }
});
self.addEventListener("fetch", (event) => {
  const request = event.request;
  if (request.method !== "GET" || !request.url.startsWith(scope) || request.headers.has("range")) {
    return;
  }
  const path = request.url.slice(scope.length).replace(/[?#].*/, "");
  if (request.mode === "navigate") {
    if (path === "" || path === "index.html") {
      event.respondWith(page(request));
    }
  } else if (isHashed(path)) {
    event.respondWith(cacheFirst(request));
  } else if (FILES.includes(path) && isPageFromCache) {
    event.respondWith(cacheFirst(request, { cacheName: shell }));
  } else if (FILES.includes(path) || isDemo(path)) {
    event.respondWith(networkFirst(request, path));
  }
});

// As the server has it: a part of the name with 16 hexadecimal digits or more.
function isHashed(path) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return /(^|[^0-9A-Za-z])[0-9a-f]{16,}($|[^0-9A-Za-z])/.test(name.replaceAll(/%3a/gi, ":"));
}

function isDemo(path) {
  return /^(samples|db|tour)\//.test(path) || path === "lamina.json";
}

async function install() {
  const cache = await caches.open(shell);
  let bytes = 0;
  for (const path of ["./", ...FILES]) {
    const address = url(path);
    // What has a hash in its name may be there from an earlier version.
    const known = isHashed(path) ? await caches.match(address) : undefined;
    const response = known ?? (await get(address));
    bytes += (await response.clone().blob()).size;
    await cache.put(address, response);
  }
  await cache.put(url(".page"), json({ bytes }));
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(SHELL) && name !== shell) {
      await caches.delete(name);
    }
  }
  await self.clients.claim();
}

// Fetches from the server, past the browser's own cache; throws unless it answers with the file.
async function get(address) {
  const response = await fetch(address, { cache: "no-cache", credentials: "same-origin" });
  if (!response.ok) {
    throw new Error(`${address.slice(scope.length)}: the server answers ${response.status}`);
  }
  // A response that was redirected may not answer a navigation.
  return response.redirected ? new Response(response.body, response) : response;
}

function patiently(promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer")), PATIENCE_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function page(request) {
  try {
    const response = await patiently(fetch(request));
    if (response.status < 500) {
      isPageFromCache = false;
      return response;
    }
  } catch {
    // No network: below.
  }
  const kept = await caches.match(url("./"), { cacheName: shell });
  isPageFromCache = kept !== undefined;
  return kept ?? fetch(request);
}

async function cacheFirst(request, options) {
  return (await caches.match(request.url, options)) ?? fetch(request);
}

async function networkFirst(request, path) {
  try {
    const response = await fetch(request);
    // A proxy that has lost its server is no network either.
    if (response.status < 502 || response.status > 504) {
      return response;
    }
  } catch {
    // No network: below.
  }
  return (await caches.match(url(path))) ?? absent(path);
}

// Said as a registry says it, so that the page can show it.
function absent(path) {
  const message = path.startsWith("samples/")
    ? "there is no network, and this sample is not kept in this browser: open the demo once with a network"
    : "there is no network, and this is not kept in this browser";
  return json({ errors: [{ code: "UNAVAILABLE", message }] }, 404);
}

function json(value, status = 200) {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json" } });
}

async function demoCache() {
  for (const name of await caches.keys()) {
    if (name.startsWith(DEMO)) {
      const cache = await caches.open(name);
      const mark = await cache.match(url(".demo"));
      if (mark) {
        return { name, bytes: (await mark.json()).bytes };
      }
    }
  }
  return null;
}

async function tell(client) {
  const cache = await caches.open(shell);
  const mark = await cache.match(url(".page"));
  const { bytes } = mark ? await mark.json() : { bytes: 0 };
  const demo = await demoCache();
  const state = { version: VERSION, page: bytes, demo: demo?.bytes ?? null, busy: isBusy, problem };
  client?.postMessage(JSON.stringify(state));
}

async function keepDemo(client) {
  if (isBusy) {
    return;
  }
  isBusy = true;
  problem = null;
  const had = await demoCache();
  try {
    if (!had) {
      await tell(client);
    }
    await fetchDemo(had);
  } catch (error) {
    // What is kept already still serves.
    problem = had ? null : `the demo could not be kept: ${error.message}`;
  }
  isBusy = false;
  await tell(client);
}

async function fetchDemo(had) {
  // What tells whether anything changed.
  const heads = ["samples/catalog.json", "db/index.json", "tour/index.json"];
  const texts = [];
  for (const path of heads) {
    texts.push(await (await get(url(path))).text());
  }
  const catalog = JSON.parse(texts[0]);
  const index = JSON.parse(texts[1]);
  const tour = JSON.parse(texts[2]);
  for (const name of tour.chapters) {
    texts.push(await (await get(url(`tour/${name}`))).text());
  }
  const name = DEMO + (await digest(texts.join("\0")));
  if (had?.name === name) {
    return;
  }

  const cache = await caches.open(name);
  let bytes = 0;
  let files = 0;
  const seen = new Set();
  const keep = async (path) => {
    const address = url(path);
    if (seen.has(address)) {
      return null;
    }
    seen.add(address);
    files += 1;
    const known = isHashed(path) ? await caches.match(address) : undefined;
    const response = known ?? (await get(address));
    const body = await response.clone().blob();
    bytes += body.size;
    if (bytes > MOST_DEMO_BYTES || files > MOST_DEMO_FILES) {
      throw new Error(`it is larger than ${MOST_DEMO_BYTES / 1e6} MB`);
    }
    await cache.put(address, response);
    return body;
  };
  const optional = async (path) => {
    try {
      await keep(path);
    } catch {
      // Not every server has it.
    }
  };

  for (const path of heads) {
    await keep(path);
  }
  for (const file of [...tour.chapters, ...(tour.policies ?? [])]) {
    await keep(`tour/${file}`);
  }
  for (const path of ["lamina.json", "db/index.json.minisig", "db/bases.json"]) {
    await optional(path);
  }
  for (const sample of catalog) {
    const [, repository, tag] = /^[^/]+\/(.+):([^:]+)$/.exec(sample.reference);
    const folder = `samples/v2/${repository}`;
    const manifests = [tag];
    while (manifests.length > 0) {
      const body = await keep(`${folder}/manifests/${manifests.pop()}`);
      if (!body) {
        continue;
      }
      const manifest = JSON.parse(await body.text());
      manifests.push(...(manifest.manifests ?? []).map((entry) => entry.digest));
      for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
        if (blob) {
          await keep(`${folder}/blobs/${blob.digest}`);
        }
      }
    }
  }
  const families = SHARDS.map((key) => key.replace(/:.*/, ""));
  const prose = index.shards.filter((shard) => shard.kind === "prose" && families.includes(shard.key));
  const hasRoom = prose.reduce((sum, shard) => sum + shard.size, 0) <= MOST_PROSE_BYTES;
  const wanted = index.shards.filter((shard) => shard.kind !== "prose" && SHARDS.includes(shard.key));
  for (const shard of hasRoom ? [...wanted, ...prose] : wanted) {
    // As `shards/sha256/0123…`.
    await keep(`db/shards/${shard.digest.replace(":", "/")}`);
  }

  await cache.put(url(".demo"), json({ bytes }));
  for (const other of await caches.keys()) {
    if (other.startsWith(DEMO) && other !== name) {
      await caches.delete(other);
    }
  }
}

async function digest(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes).slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
