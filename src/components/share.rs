//! Taking the report along: a link that holds it, an encrypted upload, or a file.

use lamina_report::{
    formats::html,
    limits::LINK_BUDGET_CHARS,
    link::{Encoded, SharedReport},
    model::LeftOut,
};
use leptos::{html as tags, prelude::*};

use super::{
    dialog::Dialog,
    icons::{AGAIN, CLOSE, DOWNLOAD, Icon, LINK},
};
use crate::{
    browser, desk,
    platform::{self, fetch, seal, shares},
    scanner,
    state::{
        address::{Address, Subject},
        language::{fill, t, text, tn},
        overlays::{Overlay, Overlays},
        report::ReportStore,
        session::Session,
        toasts::Toasts,
        uploads::{self, Upload},
        words,
    },
};

/// The formats to download: id, the button's words, its title.
const DOWNLOADS: &[(&str, &str, &str)] = &[
    (
        "json",
        "JSON",
        text("The whole report; its schema is published"),
    ),
    (
        "csv",
        "CSV",
        text("A line for each finding, for spreadsheets"),
    ),
    (
        "markdown",
        "Markdown",
        text("Verdict, findings and what to do, for a pull request or a wiki"),
    ),
    (
        "sarif",
        "SARIF",
        text("Findings and verdict for code scanning, SARIF 2.1.0"),
    ),
    (
        "cyclonedx",
        "CycloneDX",
        text("The packages with their findings, CycloneDX 1.6"),
    ),
    (
        "cyclonedx-vdr",
        "CycloneDX VDR",
        text("The same with what the policy says of each finding"),
    ),
    ("spdx", "SPDX", text("The packages, SPDX 2.3")),
    (
        "openvex",
        "OpenVEX",
        text("The policy's exceptions as VEX statements"),
    ),
    (
        "badge",
        text("Badge"),
        text("Whether it passes, as an SVG picture"),
    ),
];

/// Bytes of the shell.
const MOST_SHELL_BYTES: usize = 64 << 20;

/// How long an encrypted report may be kept, in days.
const DAYS: [u32; 3] = [1, 7, 30];

/// The report with the policy and VEX documents in force.
fn shared(session: Session, store: ReportStore) -> SharedReport {
    SharedReport {
        vex: session.vex.get_untracked().sources.clone(),
        report: store.with(Clone::clone),
        policy: session.policy.get_untracked(),
    }
}

fn url_of(subject: Subject) -> String {
    let address = Address::of(subject, None).render();
    format!("{}{}", browser::page_url(), address.trim_start_matches('?'))
}

fn left_out(parts: &[LeftOut]) -> String {
    let words: Vec<String> = parts.iter().map(LeftOut::words).collect();
    words.join(", ")
}

/// The buttons, and the dialog that one of them opens.
#[component]
pub fn ShareButtons() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let overlays = expect_context::<Overlays>();
    let shown = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let on_copy = move |_| {
        is_busy.set(true);
        let shared = shared(session, store);
        leptos::task::spawn_local(async move {
            let made = desk::make_link(shared, LINK_BUDGET_CHARS).await;
            let _ = is_busy.try_set(false);
            match made {
                Ok(link) if !link.fits => {
                    toasts.show(t("The report is too large for a link that every program passes on: choose another way to share it"));
                    overlays.show(Overlay::Share);
                }
                Ok(link) => copy_url(url_of(Subject::Shared(link.text)), shown, toasts).await,
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    view! {
        <button type="button" class="button" data-test="copy-link" disabled=is_busy on:click=on_copy>
            <Icon path=LINK />
            {t("Copy link")}
        </button>
        <button type="button" class="button" data-kind="quiet" data-test="share" on:click=move |_| overlays.show(Overlay::Share)>
            <Icon path=DOWNLOAD />
            {t("Share…")}
        </button>
        <button type="button" class="button" data-kind="quiet" data-test="scan-again" on:click=move |_| session.scan_again()>
            <Icon path=AGAIN />
            {t("Scan again")}
        </button>
        <Dialog overlay=Overlay::Share title=t("Share this report") class="share">
            <ByLink />
            <ByUpload />
            <ByFile />
        </Dialog>
        {move || shown.get().map(|url| view! { <LinkDialog url on_close=Callback::new(move |()| shown.set(None)) /> })}
    }
}

async fn copy_url(url: String, shown: RwSignal<Option<String>>, toasts: Toasts) {
    if browser::copy(&url).await {
        let bytes = u64::try_from(url.len()).unwrap_or(u64::MAX);
        toasts.show(fill(
            t("Link copied: {size}"),
            &[("size", &words::size(bytes))],
        ));
    } else {
        let _ = shown.try_set(Some(url));
    }
}

/// A link that holds the report: how long it is, and what is not in it.
#[component]
fn ByLink() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let shown = RwSignal::new(None::<String>);
    let links = RwSignal::new(None::<Result<(Encoded, Encoded), String>>);
    let report = shared(session, store);
    leptos::task::spawn_local(async move {
        let short = desk::make_link(report.clone(), LINK_BUDGET_CHARS).await;
        let whole = match short {
            Ok(short) if short.fits && short.left_out != report.report.left_out => {
                let whole = desk::make_link(report, usize::MAX).await;
                whole.map(|whole| (short, whole))
            }
            Ok(short) => Ok((short.clone(), short)),
            Err(problem) => Err(problem),
        };
        let _ = links.try_set(Some(whole));
    });
    let button =
        move |link: Encoded, test: &'static str, words: &'static str, kind: &'static str| {
            let url = url_of(Subject::Shared(link.text));
            let on_copy = move |_| {
                let url = url.clone();
                leptos::task::spawn_local(copy_url(url, shown, toasts));
            };
            view! {
                <button type="button" class="button" data-kind=kind data-test=test on:click=on_copy>
                    <Icon path=LINK />
                    {words}
                </button>
            }
        };
    let body = move || match links.get() {
        None => view! { <p class="shareNote" role="status">{t("Making the link…")}</p> }.into_any(),
        Some(Err(problem)) => {
            view! { <p class="note" data-kind="warning">{words::sentence(&problem)}</p> }.into_any()
        }
        Some(Ok((short, whole))) => {
            let size =
                |link: &Encoded| words::size(u64::try_from(link.text.len()).unwrap_or(u64::MAX));
            let is_whole = short.left_out == whole.left_out;
            if !short.fits {
                return view! {
                    <p class="shareNote" data-test="share-link-size">
                        {fill(t("The whole report is a link of {size}: mail and chat programs cut links as long as this off. Upload it encrypted, or send a file."), &[("size", &size(&whole))])}
                    </p>
                    {button(whole, "share-copy-complete", t("Copy the long link"), "quiet")}
                }
                .into_any();
            }
            let parts = left_out(&short.left_out);
            view! {
                <p class="shareNote" data-test="share-link-size">
                    {fill(if is_whole { t("{size}, the whole report in it.") } else { t("{size}.") }, &[("size", &size(&short))])}
                </p>
                {(!parts.is_empty()).then(|| view! { <p class="shareNote" data-test="share-left-out">{fill(t("Not in it: {parts}."), &[("parts", &parts)])}</p> })}
                <p class="shareButtons">
                    {button(short, "share-copy", t("Copy link"), "primary")}
                    {(!is_whole).then(|| {
                        let label = fill(t("Everything: {size}"), &[("size", &size(&whole))]);
                        view! {
                            {button(whole, "share-copy-complete", t("Copy the long link"), "quiet")}
                            <span class="shareNote">{label}</span>
                        }
                    })}
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section class="sharePart" aria-labelledby="share-link">
            <h3 id="share-link">{t("Link")}</h3>
            <p class="shareNote">{t("The report itself is in the link, behind the #: nothing of it goes to a server.")}</p>
            {body}
            {move || shown.get().map(|url| view! { <LinkDialog url on_close=Callback::new(move |()| shown.set(None)) /> })}
        </section>
    }
}

/// An encrypted upload to the page's server, and those that this browser made before.
#[component]
fn ByUpload() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let limits = RwSignal::new(None::<scanner::ShareLimits>);
    let days = RwSignal::new(7_u32);
    let is_busy = RwSignal::new(false);
    let made = RwSignal::new(None::<String>);
    let own = RwSignal::new(uploads::kept(shares::now_seconds()));
    leptos::task::spawn_local(async move {
        let server = scanner::server().await;
        let _ = limits.try_set(server.shares);
    });
    let on_upload = move |_| {
        is_busy.set(true);
        let shared = shared(session, store);
        let days = days.get_untracked();
        let most = limits.with_untracked(|limits| limits.map_or(0, |limits| limits.bytes));
        leptos::task::spawn_local(async move {
            let done = upload(&shared, days, most).await;
            let _ = is_busy.try_set(false);
            match done {
                Ok((url, upload)) => {
                    let now = shares::now_seconds();
                    uploads::remember(upload, now);
                    let _ = own.try_set(uploads::kept(now));
                    let is_copied = browser::copy(&url).await;
                    let _ = made.try_set(Some(url));
                    if is_copied {
                        toasts.show(t("Uploaded, and its link copied"));
                    }
                }
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    let on_delete = move |upload: Upload| {
        leptos::task::spawn_local(async move {
            match shares::delete(&upload).await {
                Ok(()) => {
                    let now = shares::now_seconds();
                    uploads::forget(&upload.id, now);
                    let _ = own.try_set(uploads::kept(now));
                    toasts.show(t("Deleted: its link opens nothing any more"));
                }
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    let rows = move || {
        let uploads = own.get().into_iter();
        uploads
            .map(|upload| {
                let until = until(upload.expires);
                let name = upload.name.clone();
                view! {
                    <li class="shareUpload" data-test="share-upload">
                        <span><bdi>{fill(t("{name}, until {day}"), &[("name", &name), ("day", &until)])}</bdi></span>
                        <button
                            type="button"
                            class="button"
                            data-kind="quiet"
                            data-size="small"
                            data-test="share-delete"
                            aria-label=fill(t("Delete the upload of {name}"), &[("name", &name)])
                            on:click=move |_| on_delete(upload.clone())
                        >
                            {t("Delete")}
                        </button>
                    </li>
                }
            })
            .collect_view()
    };
    let choices = move |most: u32| {
        DAYS.into_iter()
            .filter(|choice| *choice <= most)
            .map(|choice| {
                view! {
                    <option value=choice.to_string() selected=move || days.get() == choice>
                        {tn(u64::from(choice), "{n} day", "{n} days")}
                    </option>
                }
            })
            .collect_view()
    };
    view! {
        <section class="sharePart" aria-labelledby="share-upload" hidden=move || limits.get().is_none()>
            <h3 id="share-upload">{t("Encrypted upload")}</h3>
            <p class="shareNote">{t("For large reports. This browser encrypts the report; the server keeps it without being able to read it. The key is in the link alone.")}</p>
            <p class="shareButtons">
                <label class="shareDays">
                    <span>{t("Keep it for")}</span>
                    <select
                        data-test="share-days"
                        on:change:target=move |event| {
                            if let Ok(chosen) = event.target().value().parse() {
                                days.set(chosen);
                            }
                        }
                    >
                        {move || limits.get().map(|limits| choices(limits.days))}
                    </select>
                </label>
                <button type="button" class="button" data-test="share-upload-button" disabled=is_busy on:click=on_upload>
                    {t("Encrypt and upload")}
                </button>
            </p>
            {move || made.get().map(|url| view! {
                <label class="shareMade">
                    <span>{t("Its link")}</span>
                    <input class="mono" type="text" readonly data-test="share-upload-link" prop:value=url />
                </label>
            })}
            <Show when=move || !own.with(Vec::is_empty)>
                <h4>{t("Uploads of this browser")}</h4>
                <ul class="shareUploads">{rows}</ul>
            </Show>
        </section>
    }
}

async fn upload(shared: &SharedReport, days: u32, most: u64) -> Result<(String, Upload), String> {
    let bytes = lamina_report::link::to_bytes(shared);
    let (key, sealed) = seal::seal(&bytes).await?;
    if u64::try_from(sealed.len()).is_ok_and(|length| length > most) {
        return Err(fill(
            t("the server keeps at most {size}"),
            &[("size", &words::size(most))],
        ));
    }
    let upload = shares::upload(&shared.report.image.name, &sealed, days).await?;
    let text = uploads::link_text(&upload.id, &key);
    Ok((url_of(Subject::Uploaded(text)), upload))
}

/// The day on which an upload is deleted.
fn until(expires: u64) -> String {
    let seconds = i64::try_from(expires).unwrap_or_default();
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    words::date(&time.to_string())
}

/// Files.
#[component]
fn ByFile() -> impl IntoView {
    let session = expect_context::<Session>();
    let store = expect_context::<ReportStore>();
    let toasts = expect_context::<Toasts>();
    let overlays = expect_context::<Overlays>();
    let on_download = move |id: &str| {
        let shared = shared(session, store);
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
    let on_html = move |_| {
        let shared = shared(session, store);
        leptos::task::spawn_local(async move {
            match page_file(&shared).await {
                Ok(page) => {
                    let name = format!("{}.html", file_name(&shared.report.image.name));
                    browser::download(&name, "text/html", &page);
                }
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    let on_print = move |_| {
        overlays.close(Overlay::Share);
        // The dialog is gone before the paper is made.
        browser::after(std::time::Duration::from_millis(100), browser::print);
    };
    let downloads = DOWNLOADS
        .iter()
        .map(|(id, label, title)| {
            view! {
                <li>
                    <button
                        type="button"
                        class="button"
                        data-kind="quiet"
                        data-test=format!("download-{id}")
                        on:click=move |_| on_download(id)
                    >
                        <Icon path=DOWNLOAD />
                        {t(label)}
                    </button>
                    <span class="shareNote">{t(title)}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="sharePart" aria-labelledby="share-file">
            <h3 id="share-file">{t("File")}</h3>
            <ul class="shareFiles">
                <li>
                    <button type="button" class="button" data-kind="quiet" data-test="download-html" on:click=on_html>
                        <Icon path=DOWNLOAD />
                        {"HTML"}
                    </button>
                    <span class="shareNote">{t("This page with the report in it, in one file that needs no network")}</span>
                </li>
                {downloads}
                <li>
                    <button type="button" class="button" data-kind="quiet" data-test="print" on:click=on_print>{t("Print…")}</button>
                    <span class="shareNote">{t("On paper, or as PDF")}</span>
                </li>
            </ul>
        </section>
    }
}

/// The page in one file, with the report in it.
async fn page_file(shared: &SharedReport) -> Result<String, String> {
    let missing = || t("this page was built without the shell of the one-file report").to_owned();
    // What the build leaves beside the page: itself, in one file, without a report.
    let url = format!(
        "{}report-{}.html",
        platform::base_url(),
        platform::build_hash()
    );
    let answer = fetch::send("GET", &url, &[], None).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(missing());
    }
    let bytes = answer.bytes(MOST_SHELL_BYTES).await;
    let bytes = bytes.map_err(|error| error.to_string())?;
    let shell = String::from_utf8(bytes).map_err(|_| missing())?;
    html::fill(&shell, shared).ok_or_else(missing)
}

/// The link to copy by hand, where the browser refuses the clipboard.
#[component]
fn LinkDialog(url: String, on_close: Callback<()>) -> impl IntoView {
    let dialog = NodeRef::<tags::Dialog>::new();
    let field = NodeRef::<tags::Textarea>::new();
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
                <h2 id="link-title">{t("Copy this link")}</h2>
                <button type="button" class="iconButton" aria-label=t("Close") on:click=move |_| on_close.run(())><Icon path=CLOSE /></button>
            </div>
            <p>{t("The browser refuses the clipboard here.")}</p>
            <label>
                <span class="visuallyHidden">{t("Link")}</span>
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
