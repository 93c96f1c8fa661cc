//! The field for an image's reference: checked while it is typed, the wrong part underlined.

use lamina_image::reference::{Reference, ReferenceError};
use leptos::{html, prelude::*};

use crate::state::{language::t, session::Session, words};

/// Platforms that one may ask for by name; an image's own list is shown with its report.
pub const PLATFORMS: [&str; 9] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
    "windows/amd64",
];

/// The field and its button.
#[component]
pub fn ReferenceForm(
    /// In the masthead: no platform, no explanations but errors.
    #[prop(default = false)]
    is_compact: bool,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let text = RwSignal::new(String::new());
    let platform = RwSignal::new(String::new());
    let is_submitted = RwSignal::new(false);
    let input = NodeRef::<html::Input>::new();
    let mirror = NodeRef::<html::Div>::new();
    let error = Memo::new(move |_| {
        text.with(|text| {
            (!text.is_empty())
                .then(|| Reference::parse(text.trim()).err())
                .flatten()
        })
    });
    // Something that is missing at the end is not wrong yet while one types.
    let is_wrong = Memo::new(move |_| {
        let is_submitted = is_submitted.get();
        error
            .get()
            .is_some_and(|error| error.length > 0 || is_submitted)
    });
    let is_empty_submitted = move || is_submitted.get() && text.with(|text| text.trim().is_empty());
    let has_problem = move || is_wrong.get() || is_empty_submitted();
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        is_submitted.set(true);
        let reference = text.get_untracked().trim().to_owned();
        if reference.is_empty() || error.get_untracked().is_some() {
            if let Some(input) = input.get_untracked() {
                let _ = input.focus();
            }
            return;
        }
        if is_compact {
            text.set(String::new());
            is_submitted.set(false);
        }
        let platform = platform.get_untracked();
        session.scan_reference(reference, (!platform.is_empty()).then_some(platform));
    };
    let on_scroll = move |_| {
        if let (Some(input), Some(mirror)) = (input.get_untracked(), mirror.get_untracked()) {
            mirror.set_scroll_left(input.scroll_left());
        }
    };
    let hint = move || match error.get() {
        _ if is_empty_submitted() => t("Name an image first, such as nginx:1.25").to_owned(),
        Some(error) => words::sentence(&error.to_string()),
        None if is_compact => String::new(),
        None => text
            .with(|text| Reference::parse(text.trim()).ok())
            .map(|reference| reference.to_string())
            .unwrap_or_default(),
    };
    let name = if is_compact { "masthead" } else { "home" };
    let input_id = format!("{name}-reference");
    let hint_id = format!("{name}-reference-hint");
    let test = |word: &str| {
        if is_compact {
            format!("{word}-compact")
        } else {
            word.to_owned()
        }
    };
    let platform_select = (!is_compact).then(|| {
        view! {
            <label class="referenceFormPlatform">
                <span class="visuallyHidden">{t("Platform")}</span>
                <select
                    data-test="platform-select"
                    on:change:target=move |event| platform.set(event.target().value())
                >
                    <option value="">{t("Usual platform")}</option>
                    {PLATFORMS
                        .map(|platform| view! { <option value=platform>{platform}</option> })
                        .collect_view()}
                </select>
            </label>
        }
    });
    view! {
        <form
            class="referenceForm"
            data-compact=is_compact.then_some("")
            aria-label=if is_compact { t("Scan another image") } else { t("Scan an image") }
            novalidate
            on:submit=on_submit
        >
            <label class="visuallyHidden" for=input_id.clone()>{t("Image reference")}</label>
            <div class="referenceFormRow">
                <div class="referenceFormField" data-wrong=move || has_problem().then_some("")>
                    <div class="referenceFormMirror" aria-hidden="true" node_ref=mirror>
                        {move || marked(&text.get(), error.get().as_ref().filter(|_| is_wrong.get()))}
                    </div>
                    <input
                        id=input_id
                        class="referenceFormInput"
                        data-test=test("reference-input")
                        type="text"
                        inputmode="url"
                        enterkeyhint="go"
                        autocapitalize="none"
                        autocomplete="off"
                        spellcheck="false"
                        maxlength="600"
                        placeholder=if is_compact { t("Another image") } else { "nginx:1.25" }
                        aria-describedby=hint_id.clone()
                        aria-invalid=move || has_problem().then_some("true")
                        node_ref=input
                        prop:value=text
                        on:input:target=move |event| {
                            is_submitted.set(false);
                            text.set(event.target().value());
                        }
                        on:scroll=on_scroll
                    />
                </div>
                {platform_select}
                <button type="submit" class="button" data-kind="primary" data-test=test("scan-button")>
                    {t("Scan")}
                </button>
            </div>
            <p
                class="referenceFormHint"
                id=hint_id
                aria-live="polite"
                data-wrong=move || has_problem().then_some("")
            >
                {hint}
            </p>
        </form>
    }
}

/// The text with its wrong part marked.
fn marked(text: &str, error: Option<&ReferenceError>) -> impl IntoView + use<> {
    let lead = text.len() - text.trim_start().len();
    let (start, end) = match error {
        Some(error) => {
            let start = lead.saturating_add(error.offset).min(text.len());
            (start, start.saturating_add(error.length).min(text.len()))
        }
        None => (text.len(), text.len()),
    };
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    let wrong = match error {
        Some(_) if start == end => "\u{a0}".to_owned(),
        _ => part(start, end),
    };
    view! {
        <span>{part(0, start)}</span>
        <span class="referenceFormWrong">{wrong}</span>
        <span>{part(end, text.len())}</span>
    }
}
