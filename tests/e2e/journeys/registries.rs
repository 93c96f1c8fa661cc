//! A real registry on this machine, reached through the relay.

use crate::harness::{
    archive, block_on, browser::Browser, front::TokenFront, journey_with, registry::Registry,
};

#[test]
fn second_scan_asks_for_no_blob() {
    let registry = block_on(Registry::start());
    registry.push(&archive("shop-1.0.oci.tar"), "team/shop:1.0");
    journey_with("registry", &[registry.host()], async |lamina, browser| {
        let reference = format!("{}/team/shop:1.0", registry.host());
        browser.scan(&lamina.url, &reference).await;
        assert!(!browser.verdict().await);
        assert_eq!(browser.all("stratum").await.len(), 8);
        let first = registry.blob_requests();
        assert!(first >= 9, "{:?}", registry.requests());
        browser.shots("registry").await;

        browser.scan(&lamina.url, &reference).await;
        assert!(!browser.verdict().await);
        assert_eq!(registry.blob_requests(), first, "{:?}", registry.requests());
        assert!(!browser.all("finding-row").await.is_empty());

        // And it is among the recent scans.
        browser.open(&lamina.url).await;
        assert!(browser.text("recent").await.contains("team/shop"));
    });
}

#[test]
fn anonymous_token_is_fetched_by_itself() {
    let registry = block_on(Registry::start());
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    with_front(&registry, None, "token", async |front, home, browser| {
        browser
            .scan(home, &format!("{}/team/job:2.3", front.host()))
            .await;
        assert!(!browser.verdict().await);
        let seen = front.seen();
        assert!(seen.contains(&"GET /token 200".to_owned()), "{seen:?}");
    });
}

#[test]
fn token_behind_a_login_asks_for_it() {
    let registry = block_on(Registry::start());
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    let login = Some(("ada", "opensesame"));
    with_front(
        &registry,
        login,
        "token-login",
        async |front, home, browser| {
            browser
                .scan(home, &format!("{}/team/job:2.3", front.host()))
                .await;
            log_in(browser, "ada", "opensesame").await;
            assert!(!browser.verdict().await);
        },
    );
}

#[test]
fn basic_login_is_asked_for_and_sent() {
    let registry = block_on(Registry::with_login("ada", "opensesame"));
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    journey_with("basic", &[registry.host()], async |lamina, browser| {
        browser
            .scan(&lamina.url, &format!("{}/team/job:2.3", registry.host()))
            .await;
        browser.one("login-user").await;
        browser.shots("login").await;
        log_in(browser, "ada", "opensesame").await;
        assert!(!browser.verdict().await);
        let log = lamina.log();
        assert!(
            !log.contains("opensesame") && !log.contains("YWRhOm9wZW5zZXNhbWU"),
            "{log}"
        );
    });
}

#[test]
fn registry_that_is_not_allowed_is_refused_with_advice() {
    let registry = block_on(Registry::start());
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    journey_with("refused", &[], async |lamina, browser| {
        browser
            .scan(&lamina.url, &format!("{}/team/job:2.3", registry.host()))
            .await;
        browser.one("error").await;
        let advice = browser.text("error-advice").await;
        assert!(advice.contains("--allow-registry"), "{advice}");
        assert_eq!(registry.blob_requests(), 0);
    });
}

async fn log_in(browser: &Browser, user: &str, password: &str) {
    browser.fill("login-user", user).await;
    browser.fill("login-password", password).await;
    browser.click("login-button").await;
}

fn with_front<F>(
    registry: &Registry,
    login: Option<(&'static str, &'static str)>,
    name: &str,
    walk: F,
) where
    F: AsyncFnOnce(&TokenFront, &str, &Browser),
{
    // The front lives in a runtime of its own, as the allowed host must be known before the journey.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let front = runtime.block_on(TokenFront::start(registry.port, login));
    journey_with(name, &[front.host()], async |lamina, browser| {
        walk(&front, &lamina.url, browser).await;
    });
}
