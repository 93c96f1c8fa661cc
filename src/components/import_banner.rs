//! Says of a report that another tool made it, and what its format does not say.

use lamina_report::model::Imported;
use leptos::prelude::*;

use crate::state::language::{fill, t, tn};

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
                    {(count > 0).then(|| view! { <li>{tn(count, "It found {n} more, and leaves it out by rules of its own", "It found {n} more, and leaves them out by rules of its own")}</li> })}
                </ul>
            </details>
        </div>
    }
}
