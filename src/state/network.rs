//! The log of every request that this tab has made: what was asked of whom, why, and what came back.
//!
//! A log is there to be shown and copied: it holds no credentials and no secrets of addresses. User
//! names and the values of parameters are cut off before a request is noted at all.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// Requests that are kept, the newest; the rest is counted.
pub const MAX_EXCHANGES: usize = 4_000;

/// Parameters whose values say what is asked for, by the distribution specification and its token
/// service; all others may be secret.
const OPEN_PARAMETERS: [&str; 7] = [
    "scope",
    "service",
    "n",
    "last",
    "ns",
    "digest",
    "artifactType",
];

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It has not.
    #[default]
    UnderWay,
    /// The whole answer was read, or as much of it as was wanted.
    Done,
    /// It was stopped here.
    Stopped,
    /// There was no answer, or it broke off: what the browser says.
    Failed(String),
}

/// A request and its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Counts the requests of one thread.
    pub number: u32,
    /// When it was sent, in milliseconds since 1970.
    pub at_ms: f64,
    /// `GET`, `HEAD`.
    pub method: String,
    /// Where it was sent to, by [`redacted`].
    pub url: String,
    /// Where a redirect led it, which the browser follows by itself.
    pub redirected: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Bytes of the answer that were read, unpacked.
    pub bytes: u64,
    /// How long it took so far, in milliseconds.
    pub took_ms: f64,
    /// How it ended.
    pub end: End,
}

/// Which way a request took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// To the server that the page came from.
    Own,
    /// Straight to another host.
    Direct,
    /// To another host, through the relay.
    Relay,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When it was sent, in milliseconds since 1970.
    pub at_ms: f64,
    /// Who sent it: `page`, `worker 2`, `desk 1`.
    pub sender: String,
    /// `GET`, `HEAD`.
    pub method: String,
    /// The host that was meant, also if the relay was asked.
    pub host: String,
    /// The path that was meant, with what may be shown of the query.
    pub path: String,
    /// Which way it took.
    pub way: Way,
    /// What for.
    pub why: String,
    /// HTTP status.
    pub status: Option<u16>,
    /// Bytes that were read.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// Host that a redirect led to.
    pub redirected_to: Option<String>,
    /// How it ended, if not well.
    pub problem: Option<String>,
}

/// What was exchanged with one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostCount {
    /// The host.
    pub host: String,
    /// Which way it was reached.
    pub way: Way,
    /// Requests.
    pub requests: usize,
    /// Bytes that came from it.
    pub bytes: u64,
}

/// Senders from here on are desks, which are started for one question each.
pub const DESK: u32 = 1 << 30;

/// Requests by who sent them. 0 is the page itself.
type Key = (u32, u32);

/// The log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The folder that the page came from.
    base: String,
    /// Another server's folder under which a relay answers.
    relay: Option<String>,
    exchanges: Vec<(Key, Exchange)>,
    at: HashMap<Key, usize>,
    dropped: usize,
    loaded: u32,
    blobs: HashMap<String, String>,
}

impl Log {
    /// An empty log of a page from this folder (`https://host/path/`).
    pub fn new(base: &str) -> Self {
        Self {
            base: redacted(base),
            ..Self::default()
        }
    }

    /// The same, of a page that uses the relay of another server.
    pub fn with_relay(mut self, relay: Option<String>) -> Self {
        self.relay = relay.map(|relay| redacted(&relay));
        self
    }

    /// Notes a request, or what became of it.
    pub fn note(&mut self, sender: u32, exchange: Exchange) {
        let key = (sender, exchange.number);
        if let Some((_, known)) = self.at.get(&key).and_then(|at| self.exchanges.get_mut(*at)) {
            *known = exchange;
            return;
        }
        self.push(key, exchange);
    }

    /// Notes what a thread loaded before it could note anything itself, as the browser tells it. What
    /// the thread noted is left out.
    pub fn note_loaded(&mut self, sender: u32, loaded: Vec<Exchange>) {
        for exchange in loaded {
            let is_known = self.exchanges.iter().any(|((by, _), known)| {
                *by == sender
                    && (known.url == exchange.url
                        || known.redirected.as_ref() == Some(&exchange.url))
            });
            if !is_known && is_network(&exchange.url) {
                // Numbers from the other end: nothing else is said about these.
                self.loaded = self.loaded.wrapping_add(1);
                self.push((sender, u32::MAX - self.loaded), exchange);
            }
        }
    }

    /// A worker was ended: what it had under way is stopped.
    pub fn stop(&mut self, sender: u32) {
        for ((by, _), exchange) in &mut self.exchanges {
            if *by == sender && exchange.end == End::UnderWay {
                exchange.end = End::Stopped;
            }
        }
    }

    /// Says what a blob is: `layer 3`.
    pub fn name_blob(&mut self, digest: &str, what: &str) {
        if self.blobs.len() < MAX_EXCHANGES {
            self.blobs.insert(digest.to_owned(), what.to_owned());
        }
    }

    /// Requests in all, with those that are no longer kept.
    pub fn len(&self) -> usize {
        self.exchanges.len() + self.dropped
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Requests that are no longer kept.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The log, oldest first.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = self
            .exchanges
            .iter()
            .map(|((sender, _), exchange)| self.line(*sender, exchange))
            .collect();
        lines.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
        lines
    }

    /// What was exchanged with each host, the page's own first, then by requests.
    pub fn hosts(&self) -> Vec<HostCount> {
        let mut hosts = BTreeMap::<(String, u8), HostCount>::new();
        for line in self.lines() {
            let way = line.way;
            let count = hosts
                .entry((line.host.clone(), way as u8))
                .or_insert(HostCount {
                    host: line.host,
                    way,
                    requests: 0,
                    bytes: 0,
                });
            count.requests += 1;
            count.bytes += line.bytes;
        }
        let mut hosts: Vec<HostCount> = hosts.into_values().collect();
        hosts.sort_by_key(|host| (host.way as u8, std::cmp::Reverse(host.requests)));
        hosts
    }

    /// The log as text: one request a line, with tabs between.
    pub fn to_text(&self) -> String {
        let mut text =
            String::from("ms\tsender\tmethod\thost\tpath\tway\twhy\tstatus\tbytes\tproblem\n");
        let lines = self.lines();
        let begin = lines.first().map_or(0.0, |line| line.at_ms);
        for line in lines {
            let way = match line.way {
                Way::Own => "own",
                Way::Direct => "direct",
                Way::Relay => "relay",
            };
            let status = line.status.map(|status| status.to_string());
            text.push_str(&format!(
                "{:.0}\t{}\t{}\t{}\t{}\t{way}\t{}\t{}\t{}\t{}\n",
                line.at_ms - begin,
                line.sender,
                line.method,
                line.host,
                line.path,
                line.why,
                status.unwrap_or_default(),
                line.bytes,
                line.problem.unwrap_or_default()
            ));
        }
        text
    }

    /// The log as JSON.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document {
            page: String,
            not_kept: usize,
            hosts: Vec<HostCount>,
            requests: Vec<Line>,
        }
        let document = Document {
            page: self.base.clone(),
            not_kept: self.dropped,
            hosts: self.hosts(),
            requests: self.lines(),
        };
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    fn push(&mut self, key: Key, exchange: Exchange) {
        if self.exchanges.len() >= MAX_EXCHANGES {
            // A quarter at a time, so that this is seldom.
            let gone = MAX_EXCHANGES / 4;
            self.exchanges.drain(..gone);
            self.dropped += gone;
            self.at = (self.exchanges.iter().enumerate())
                .map(|(at, (key, _))| (*key, at))
                .collect();
        }
        self.at.insert(key, self.exchanges.len());
        self.exchanges.push((key, exchange));
    }

    fn line(&self, sender: u32, exchange: &Exchange) -> Line {
        let target = self.target(&exchange.url);
        let redirected_to = exchange
            .redirected
            .as_deref()
            .map(|url| split(url).1.to_owned())
            .filter(|host| target.way != Way::Relay && *host != target.host);
        Line {
            at_ms: exchange.at_ms,
            sender: match sender {
                0 => "page".to_owned(),
                desk if desk > DESK => format!("desk {}", desk - DESK),
                worker => format!("worker {worker}"),
            },
            method: exchange.method.clone(),
            why: self.why(&target),
            host: target.host,
            path: target.path,
            way: target.way,
            status: exchange.status,
            bytes: exchange.bytes,
            took_ms: exchange.took_ms,
            redirected_to,
            problem: match &exchange.end {
                End::Done => None,
                End::UnderWay => Some("under way".to_owned()),
                End::Stopped => Some("stopped".to_owned()),
                End::Failed(problem) => Some(problem.clone()),
            },
        }
    }

    fn target(&self, url: &str) -> Target {
        let relayed = self
            .relay
            .as_deref()
            .and_then(|relay| url.strip_prefix(relay));
        let own = url.strip_prefix(self.base.as_str());
        let Some(own) = relayed.filter(|rest| rest.starts_with("relay/")).or(own) else {
            let (_, host, path) = split(url);
            let is_own_host = host == split(&self.base).1;
            return Target {
                host: host.to_owned(),
                path: path.to_owned(),
                way: if is_own_host { Way::Own } else { Way::Direct },
                own: None,
            };
        };
        let relayed = own.strip_prefix("relay/").and_then(|rest| {
            let (scheme, rest) = rest.split_once('/')?;
            matches!(scheme, "http" | "https").then_some(rest)
        });
        match relayed {
            Some(rest) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                Target {
                    host: host.to_owned(),
                    path: path.to_owned(),
                    way: Way::Relay,
                    own: None,
                }
            }
            None => {
                let (_, host, path) = split(url);
                Target {
                    host: host.to_owned(),
                    path: path.to_owned(),
                    way: Way::Own,
                    own: Some(own.to_owned()),
                }
            }
        }
    }

    fn why(&self, target: &Target) -> String {
        let path = target.path.split('?').next().unwrap_or_default();
        let registry = |path: &str| {
            let digest = path.rsplit('/').next().unwrap_or_default();
            let is = |part: &str| path.contains(part);
            if is("/manifests/") {
                "manifest".to_owned()
            } else if is("/blobs/") {
                let known = self.blobs.get(digest).cloned();
                known.unwrap_or_else(|| "blob".to_owned())
            } else if is("/tags/") {
                "tags".to_owned()
            } else if is("/referrers/") {
                "what is attached to the image".to_owned()
            } else if path.ends_with("/v2/") {
                "whether it is a registry".to_owned()
            } else if is("token") || target.path.contains("scope=") {
                "token".to_owned()
            } else {
                "registry".to_owned()
            }
        };
        let Some(own) = &target.own else {
            return registry(path);
        };
        let own = own.split('?').next().unwrap_or_default();
        let name = own.rsplit('/').next().unwrap_or_default();
        let folder = own.split('/').next().unwrap_or_default();
        match (folder, name) {
            ("samples", _) => registry(path),
            ("db", "bases.json" | "bases.json.minisig") => "known base images".to_owned(),
            ("db", name) if name.ends_with(".minisig") => {
                "signature of the advisory database".to_owned()
            }
            ("db", "index.json") => "index of the advisory database".to_owned(),
            ("db", _) => "advisory database".to_owned(),
            (_, name) if name.starts_with("locale-") => "language".to_owned(),
            ("share", _) => "encrypted report".to_owned(),
            ("tour", _) => "tour".to_owned(),
            (_, "lamina.json") => "what this server can do".to_owned(),
            (_, name) if is_program(name) => "the page itself".to_owned(),
            _ => "file of the page's server".to_owned(),
        }
    }
}

/// What a request was meant for.
struct Target {
    host: String,
    path: String,
    way: Way,
    /// The path within the page's own folder.
    own: Option<String>,
}

fn is_program(name: &str) -> bool {
    let is = |end: &str| name.ends_with(end);
    name.is_empty()
        || [".html", ".js", ".wasm", ".css", ".svg", ".webmanifest"]
            .iter()
            .any(|end| is(end))
}

fn is_network(url: &str) -> bool {
    url.starts_with("http:") || url.starts_with("https:")
}

/// Scheme, host with port, and path of a redacted address.
fn split(url: &str) -> (&str, &str, &str) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return ("", "", url);
    };
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    (scheme, host, path)
}

/// An address without user, password and fragment, and without the values of parameters, but for those
/// that say what is asked of a registry.
pub fn redacted(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let mut redacted = match address.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => address.to_owned(),
    };
    let mut divider = '?';
    for parameter in query.unwrap_or_default().split('&') {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        let value = if OPEN_PARAMETERS.contains(&name) {
            value
        } else {
            "…"
        };
        redacted.push_str(&format!("{divider}{name}={value}"));
        divider = '&';
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://localhost:8080/lamina/";

    fn sent(number: u32, url: &str) -> Exchange {
        Exchange {
            number,
            at_ms: f64::from(number),
            method: "GET".to_owned(),
            url: redacted(url),
            status: Some(200),
            bytes: 10,
            end: End::Done,
            ..Exchange::default()
        }
    }

    #[test]
    fn secrets_never_reach_the_log() {
        let check = |url: &str, expect: &str| assert_eq!(redacted(url), expect);
        check("https://a.example/v2/", "https://a.example/v2/");
        check(
            "https://ada:secret@a.example/v2/#x",
            "https://a.example/v2/",
        );
        check(
            "https://a.example/token?scope=repository:x:pull&service=a&password=secret",
            "https://a.example/token?scope=repository:x:pull&service=a&password=…",
        );
        check(
            "https://s3.example/blob?X-Amz-Signature=abc&flag",
            "https://s3.example/blob?X-Amz-Signature=…",
        );
        check("http://a?secret", "http://a");
        check("no address", "no address");
    }

    #[test]
    fn each_request_says_who_was_asked_and_why() {
        let mut log = Log::new(BASE);
        log.name_blob("sha256:aa", "layer 3");
        let mut number = 0;
        let mut check = |url: &str, host: &str, way: Way, why: &str| {
            number += 1;
            log.note(0, sent(number, url));
            let line = log.lines().pop().unwrap();
            assert_eq!(
                (line.host.as_str(), line.way, line.why.as_str()),
                (host, way, why),
                "{url}"
            );
        };
        let own = "localhost:8080";
        check(
            "http://localhost:8080/lamina/",
            own,
            Way::Own,
            "the page itself",
        );
        check(
            "http://localhost:8080/lamina/lamina.json",
            own,
            Way::Own,
            "what this server can do",
        );
        check(
            "http://localhost:8080/lamina/db/index.json",
            own,
            Way::Own,
            "index of the advisory database",
        );
        check(
            "http://localhost:8080/lamina/db/ab/cd",
            own,
            Way::Own,
            "advisory database",
        );
        check(
            "http://localhost:8080/lamina/samples/v2/shop/manifests/1",
            own,
            Way::Own,
            "manifest",
        );
        check("http://localhost:8080/other", own, Way::Own, "registry");
        check(
            "http://localhost:8080/lamina/relay/https/ghcr.io/v2/a/b/blobs/sha256:aa",
            "ghcr.io",
            Way::Relay,
            "layer 3",
        );
        check(
            "https://r.example:5000/v2/a/blobs/sha256:bb",
            "r.example:5000",
            Way::Direct,
            "blob",
        );
        check(
            "https://r.example/token?scope=x&service=y",
            "r.example",
            Way::Direct,
            "token",
        );
        // The relay that the user named is one, the rest of that host is not.
        let log = Log::new("http://localhost:8080/lamina/")
            .with_relay(Some("https://relay.example/".to_owned()));
        let way = |url: &str| log.target(url).way;
        assert_eq!(
            way("https://relay.example/relay/https/ghcr.io/v2/"),
            Way::Relay
        );
        assert_eq!(way("https://relay.example/v2/"), Way::Direct);
        assert_eq!(
            way("http://localhost:8080/lamina/relay/https/ghcr.io/v2/"),
            Way::Relay
        );
        // Another host that looks like a relay is not believed to be one.
        check(
            "https://evil.example/relay/https/ghcr.io/v2/",
            "evil.example",
            Way::Direct,
            "whether it is a registry",
        );
    }

    #[test]
    fn news_of_a_request_replace_what_was_known() {
        let mut log = Log::new(BASE);
        let mut exchange = sent(1, "https://a.example/v2/");
        exchange.end = End::UnderWay;
        log.note(2, exchange.clone());
        log.note(3, exchange.clone());
        exchange.bytes = 99;
        log.note(2, exchange);
        assert_eq!(log.len(), 2);
        log.stop(2);
        let lines = log.lines();
        assert_eq!(lines[0].bytes, 99);
        assert_eq!(lines[0].problem.as_deref(), Some("stopped"));
        assert_eq!(lines[1].problem.as_deref(), Some("under way"));
    }

    #[test]
    fn what_the_browser_loaded_is_told_once() {
        let mut log = Log::new(BASE);
        log.note(0, sent(1, "http://localhost:8080/lamina/lamina.json"));
        let loaded = vec![
            sent(0, "http://localhost:8080/lamina/lamina.json"),
            sent(0, "http://localhost:8080/lamina/page.js"),
            sent(0, "blob:http://localhost:8080/1"),
        ];
        log.note_loaded(0, loaded.clone());
        log.note_loaded(0, loaded);
        let paths: Vec<String> = log.lines().into_iter().map(|line| line.path).collect();
        assert_eq!(paths, ["/lamina/page.js", "/lamina/lamina.json"]);
    }

    #[test]
    fn old_requests_are_counted_and_not_kept() {
        let mut log = Log::new(BASE);
        for number in 0..6_000 {
            log.note(0, sent(number, "https://a.example/v2/"));
        }
        assert_eq!(log.len(), 6_000);
        assert!(log.lines().len() <= MAX_EXCHANGES);
        assert!(log.dropped() >= 2_000);
        // The newest is still found when there is news of it.
        let mut last = sent(5_999, "https://a.example/v2/");
        last.bytes = 77;
        log.note(0, last);
        assert_eq!(log.lines().pop().unwrap().bytes, 77);
    }

    #[test]
    fn hosts_are_counted_by_the_way_to_them() {
        let mut log = Log::new(BASE);
        log.note(0, sent(1, "http://localhost:8080/lamina/db/index.json"));
        log.note(
            1,
            sent(1, "http://localhost:8080/lamina/relay/https/ghcr.io/v2/"),
        );
        log.note(
            1,
            sent(
                2,
                "http://localhost:8080/lamina/relay/https/ghcr.io/v2/a/tags/list",
            ),
        );
        let hosts: Vec<_> = (log.hosts().into_iter())
            .map(|host| (host.host, host.way, host.requests, host.bytes))
            .collect();
        assert_eq!(
            hosts,
            [
                ("localhost:8080".to_owned(), Way::Own, 1, 10),
                ("ghcr.io".to_owned(), Way::Relay, 2, 20),
            ]
        );
        assert_eq!(log.to_text().lines().count(), 4);
        let json: serde_json::Value = serde_json::from_str(&log.to_json()).unwrap();
        assert_eq!(json["requests"][2]["way"], "relay");
    }
}
