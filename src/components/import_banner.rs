//! Says of a report where it came from: that another tool made it, and what its format does not say; or
//! how it was shared.

use lamina_report::model::Imported;
use leptos::prelude::*;

use crate::state::{
    address::Subject,
    language::{fill, t, tn},
    words,
};

/// How a shared report came here, by the address that shows it, and when it was made.
pub fn shared_words(subject: &Subject, scanned_at: &str) -> String {
    let text = match subject {
        Subject::Uploaded(_) => t(
            "Made {time}. It was uploaded encrypted: this browser fetched it from the page's server and decrypted it with the key in the link.",
        ),
        // A page that is one file has its report in it, and no address.
        Subject::Home => {
            t("Made {time}. It came in this HTML file; nothing was fetched to show it.")
        }
        _ => t("Made {time}. It came in the link; nothing was fetched to show it."),
    };
    fill(text, &[("time", &words::time(scanned_at))])
}

/// The banner.
#[component]
pub fn ImportBanner(
    /// Which tool, and what it does not say.
    imported: Imported,
) -> impl IntoView {
    let title = fill(t("Imported from {tool}"), &[("tool", &imported.title())]);
    let remarks = imported.remarks;
    let count = imported.suppressed.len();
    view! {
        <div class="banner importBanner" data-test="import-banner">
            <p>
                <strong>{title}</strong>
                ". "
                {t("Its findings are shown as they are; the verdict is that of your policy.")}
            </p>
            <details class="importBannerRemarks">
                <summary>{t("What it does not say")}</summary>
                <ul>
                    {remarks.into_iter().map(|remark| view! { <li><bdi>{remark}</bdi></li> }).collect_view()}
                    {(count > 0).then(|| view! { <li>{tn(u64::try_from(count).unwrap_or(u64::MAX), "It found {n} more, and leaves it out by rules of its own", "It found {n} more, and leaves them out by rules of its own")}</li> })}
                </ul>
            </details>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_report_says_how_it_came() {
        let check = |subject: Subject, expect: &str| {
            let words = shared_words(&subject, "2026-06-01T00:00:00Z");
            assert!(words.contains(expect), "{words}");
        };
        check(Subject::Shared("x".to_owned()), "in the link;");
        check(Subject::Uploaded("x".to_owned()), "uploaded encrypted");
        check(Subject::Home, "this HTML file");
    }
}
