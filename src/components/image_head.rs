//! Which image: its name and what is known of it.

use lamina_report::model::{Image, Report};
use leptos::prelude::*;

use super::{
    copy::CopyButton,
    icons::{Icon, WARNING},
};
use crate::state::{
    language::{fill, t},
    session::Session,
    strata, words,
};

/// The head of a report.
#[component]
pub fn ImageHead(
    /// The image.
    image: Image,
    /// Its report, once there is one.
    #[prop(optional_no_strip)]
    report: Option<Report>,
    /// Buttons beside the name.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let platform = image.platform.clone();
    let platform_view = if image.platforms.len() > 1 {
        let options = image.platforms.clone();
        let current = platform.clone();
        view! {
            <label class="imageHeadPlatform">
                <span class="visuallyHidden">{t("Platform")}</span>
                <select
                    data-test="platform-select"
                    on:change:target=move |event| {
                        let platform = event.target().value();
                        session.select(|address| {
                            address.platform = Some(platform);
                            address.layer = None;
                            address.finding = None;
                        });
                    }
                >
                    {options
                        .into_iter()
                        .map(|option| {
                            let is_current = option == current;
                            view! { <option value=option.clone() selected=is_current>{option.clone()}</option> }
                        })
                        .collect_view()}
                </select>
            </label>
        }
        .into_any()
    } else {
        view! { <span>{platform}</span> }.into_any()
    };
    let fact = |name: &'static str, value: AnyView| {
        view! {
            <div class="imageHeadFact">
                <dt>{name}</dt>
                <dd>{value}</dd>
            </div>
        }
    };
    let digest = image.digest.clone().map(|digest| {
        let short = words::short_digest(&digest);
        fact(
            t("Digest"),
            view! {
                <span class="mono" title=digest.clone()>{short}</span>
                <CopyButton text=digest what="digest" />
            }
            .into_any(),
        )
    });
    let created = image.created.clone().map(|created| {
        fact(
            t("Built"),
            view! { <time datetime=created.clone()>{words::date(&created)}</time> }.into_any(),
        )
    });
    let more = report.map(|report| {
        let bytes: u64 = report.layers.iter().map(strata::layer_bytes).sum();
        let now_ms = crate::platform::now_ms();
        let distribution = report
            .distribution
            .clone()
            .map(|distribution| fact(t("Distribution"), distribution.name.into_any()));
        let scanned = (!report.scanned_at.is_empty()).then(|| {
            let ago = words::ago(&report.scanned_at, now_ms);
            fact(
                t("Scanned"),
                view! { <time datetime=report.scanned_at.clone() title=words::time(&report.scanned_at)>{ago}</time> }
                    .into_any(),
            )
        });
        let database = report.database.clone().map(|database| {
            let title = fill(
                t("{digest}\nbuilt {time}"),
                &[
                    ("digest", &database.digest),
                    ("time", &words::time(&database.built_at)),
                ],
            );
            if database.built_at.is_empty() {
                return fact(t("Advisories"), database.name.into_any());
            }
            fact(
                t("Advisories"),
                view! { <span title=title>{database.name.clone()} ", " {words::date(&database.built_at)}</span> }.into_any(),
            )
        });
        view! {
            {distribution}
            {(bytes > 0).then(|| fact(t("Size"), words::size(bytes).into_any()))}
            {scanned}
            {database}
        }
    });
    view! {
        <div class="imageHead">
            <div class="imageHeadTitle">
                <h1 class="imageHeadName"><ImageName name=image.name.clone() /></h1>
                <div class="imageHeadTools">{children.map(|children| children())}</div>
            </div>
            <dl class="imageHeadFacts">
                {fact(t("Platform"), platform_view)}
                {digest}
                {created}
                {more}
            </dl>
        </div>
    }
}

/// A reference with what is particular to it set off from where it lies, and places to break it.
#[component]
pub fn ImageName(
    /// The name.
    name: String,
) -> impl IntoView {
    let (place, own) = match name.rsplit_once('/') {
        Some((place, own)) => (format!("{place}/"), own.to_owned()),
        None => (String::new(), name),
    };
    let pieces = place
        .split_inclusive('/')
        .map(|piece| view! { {piece.to_owned()} <wbr /> })
        .collect_view();
    view! {
        <span class="imageHeadPlace">{pieces}</span>
        {own}
    }
}

/// What a reader must know of the database before trusting the findings.
#[component]
pub fn DatabaseNotes(
    /// The report.
    report: Report,
) -> impl IntoView {
    let notes: Vec<String> = match &report.database {
        None => vec![
            t("No advisory database was asked: this report lists packages, not vulnerabilities.")
                .to_owned(),
        ],
        Some(database) => {
            let mut notes = Vec::new();
            if database.name.to_lowercase().contains("demo") {
                notes.push(
                    t("The demo database knows some hundred advisories, for the sample images. What it does not report may still be there.")
                        .to_owned(),
                );
            }
            if !database.unread.is_empty() {
                notes.push(fill(
                    t("The advisories for {names} could not be read: what is vulnerable there is not known. Warnings says why."),
                    &[("names", &database.unread.join(", "))],
                ));
            }
            if !database.missing.is_empty() {
                notes.push(fill(
                    t("The database has nothing on {names}."),
                    &[("names", &database.missing.join(", "))],
                ));
            }
            notes
        }
    };
    notes
        .into_iter()
        .map(|note| view! { <p class="note" data-kind="warning"><Icon path=WARNING /> <span>{note}</span></p> })
        .collect_view()
}
