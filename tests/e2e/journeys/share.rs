//! A report in a link.

use crate::harness::{archive, block_on, browser::Browser, journey_with, registry::Registry};

#[test]
fn link_shows_the_same_report_elsewhere_without_the_registry() {
    let registry = block_on(Registry::start());
    registry.push(&archive("alpine-job-2.3.oci.tar"), "team/job:2.3");
    journey_with("share", &[registry.host()], async |lamina, browser| {
        browser
            .scan(&lamina.url, &format!("{}/team/job:2.3", registry.host()))
            .await;
        let passed = browser.verdict().await;
        let findings = browser.text("tab-findings").await;
        let link = browser.copied_link().await;
        assert!(link.starts_with(&lamina.url), "{link:.80}");

        let before = registry.requests().len();
        let other = Browser::start().await;
        other.open(&link).await;
        assert_eq!(other.verdict().await, passed);
        assert_eq!(other.text("tab-findings").await, findings);
        assert!(other.shows("shared-banner").await);
        assert_eq!(
            registry.requests().len(),
            before,
            "{:?}",
            registry.requests()
        );
        other.assert_no_panic().await;
        other.shots("shared").await;
    });
}
