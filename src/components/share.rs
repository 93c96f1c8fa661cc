//! Taking the report along: a link that holds it, or a file.

use lamina_report::{limits::LINK_BUDGET_CHARS, link::SharedReport};
use leptos::{html, prelude::*};

use super::icons::{AGAIN, CLOSE, DOWNLOAD, Icon, LINK};
use crate::{
    browser, desk,
    state::{
        address::{Address, Subject},
        report::ReportStore,
        session::Session,
        toasts::Toasts,
        words,
    },
};

/// From here on some programs cut a link off.
const LONG_LINK_CHARS: usize = 32_000;

/// The formats to download: id, the button's words, its title.
const DOWNLOADS: &[(&str, &str, &str)] = &[
    ("json", "JSON", "Download the whole report"),
    (
        "sarif",
        "SARIF",
        "Download findings and verdict for code scanning, SARIF 2.1.0",
    ),
    (
        "cyclonedx",
        "CycloneDX",
        "Download the packages as an SBOM, CycloneDX 1.6",
    ),
    ("spdx", "SPDX", "Download the packages as an SBOM, SPDX 2.3"),
];

/// The buttons.
#[component]
pub fn ShareButtons() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let shown = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let on_copy = move |_| {
        is_busy.set(true);
        let shared = SharedReport {
            vex: session.vex.get_untracked().sources.clone(),
            report: store.with(Clone::clone),
            policy: session.policy.get_untracked(),
        };
        leptos::task::spawn_local(async move {
            let made = desk::make_link(shared, LINK_BUDGET_CHARS).await;
            is_busy.set(false);
            let link = match made {
                Ok(link) => link,
                Err(problem) => return toasts.show(words::sentence(&problem)),
            };
            let address = Address::of(Subject::Shared(link.text), None);
            let url = format!(
                "{}{}",
                browser::page_url(),
                address.render().trim_start_matches('?')
            );
            if browser::copy(&url).await {
                let bytes = u64::try_from(url.len()).unwrap_or(u64::MAX);
                let caution = if url.len() > LONG_LINK_CHARS {
                    ". Some programs cut off links as long as this: send the file instead"
                } else {
                    ""
                };
                toasts.show(format!("Link copied: {}{caution}", words::size(bytes)));
            } else {
                shown.set(Some(url));
            }
        });
    };
    let on_download = move |id: &str| {
        let shared = SharedReport {
            vex: session.vex.get_untracked().sources.clone(),
            report: store.with(Clone::clone),
            policy: session.policy.get_untracked(),
        };
        let answers = store.custom.get_untracked().as_ref().clone();
        let name = file_name(&shared.report.image.name);
        let id = id.to_owned();
        leptos::task::spawn_local(async move {
            match desk::render(id, shared, answers).await {
                Ok(file) => {
                    let name = format!("{name}.{}", file.extension);
                    browser::download(&name, &file.media_type, &file.text);
                }
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    let downloads = DOWNLOADS
        .iter()
        .map(|(id, label, title)| {
            view! {
                <button
                    type="button"
                    class="button"
                    data-kind="quiet"
                    data-test=format!("download-{id}")
                    title=*title
                    on:click=move |_| on_download(id)
                >
                    <Icon path=DOWNLOAD />
                    {*label}
                </button>
            }
        })
        .collect_view();
    view! {
        <button type="button" class="button" data-test="copy-link" disabled=is_busy on:click=on_copy>
            <Icon path=LINK />
            "Copy link"
        </button>
        {downloads}
        <button type="button" class="button" data-kind="quiet" data-test="scan-again" on:click=move |_| session.scan_again()>
            <Icon path=AGAIN />
            "Scan again"
        </button>
        {move || shown.get().map(|url| view! { <LinkDialog url on_close=Callback::new(move |()| shown.set(None)) /> })}
    }
}

/// The link to copy by hand, where the browser refuses the clipboard.
#[component]
fn LinkDialog(url: String, on_close: Callback<()>) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let field = NodeRef::<html::Textarea>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            let _ = dialog.show_modal();
        }
        if let Some(field) = field.get() {
            field.select();
        }
    });
    view! {
        <dialog class="dialog" node_ref=dialog aria-labelledby="link-title" on:close=move |_| on_close.run(())>
            <div class="dialogHead">
                <h2 id="link-title">"Copy this link"</h2>
                <button type="button" class="iconButton" aria-label="Close" on:click=move |_| on_close.run(())><Icon path=CLOSE /></button>
            </div>
            <p>"The browser refuses the clipboard here."</p>
            <label>
                <span class="visuallyHidden">"Link"</span>
                <textarea class="dialogLink mono" data-test="link-text" readonly rows="6" node_ref=field prop:value=url></textarea>
            </label>
        </dialog>
    }
}

/// An image's name as the name of a file.
fn file_name(image: &str) -> String {
    let name: String = image
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    if name.is_empty() {
        "report".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_downloaded_can_be_written() {
        for (id, _, _) in DOWNLOADS {
            assert!(lamina_report::formats::by_id(id).is_some(), "{id}");
        }
    }

    #[test]
    fn a_file_name_holds_no_separators() {
        assert_eq!(
            file_name("ghcr.io/a/b:1@sha256:00"),
            "ghcr.io_a_b_1_sha256_00"
        );
        assert_eq!(file_name("../é"), ".._".to_owned() + "_");
        assert_eq!(file_name(""), "report");
    }
}
