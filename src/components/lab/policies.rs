//! Policies by name: kept in this browser, opened from files, saved to files.

use leptos::{html, prelude::*};

use crate::{
    browser,
    components::{
        icons::{DOWNLOAD, FILE, Icon},
        policy_panel::reset,
    },
    desk::{self, PolicyFile, PolicyTarget},
    state::{
        language::{fill, t, tn},
        policies::{self, BUILT_IN},
        report::ReportStore,
        session::Session,
        toasts::Toasts,
        words,
    },
};

/// The row above the rules.
#[component]
pub fn PolicyBar() -> impl IntoView {
    let session = expect_context::<Session>();
    let toasts = expect_context::<Toasts>();
    let store = expect_context::<ReportStore>();
    let kept = RwSignal::new(policies::load());
    let name = move || {
        session
            .policy
            .with(|policy| policy.name.clone().unwrap_or_default())
    };
    let is_kept = move || {
        session
            .policy
            .with(|policy| kept.with(|kept| kept.iter().any(|other| other == policy)))
    };
    let choose = move |value: String| {
        let chosen = BUILT_IN
            .iter()
            .map(|make| make())
            .chain(kept.get_untracked())
            .find(|policy| policy.name.as_deref() == Some(value.as_str()));
        if let Some(chosen) = chosen {
            session.set_policy(|policy| *policy = chosen);
        }
    };
    let on_save = move |_| {
        let policy = session.policy.get_untracked();
        if policy.name.as_deref().unwrap_or_default().trim().is_empty() {
            toasts.show(t("Give the policy a name first"));
            browser::focus("lab-name");
            return;
        }
        match policies::keep(policy) {
            Ok(all) => {
                kept.set(all);
                toasts.show(fill(
                    t("Kept in this browser as “{name}”"),
                    &[("name", &name())],
                ));
            }
            Err(problem) => toasts.show(problem),
        }
    };
    let on_forget = move |_| {
        kept.set(policies::forget(&name()));
        toasts.show(fill(t("“{name}” is no longer kept"), &[("name", &name())]));
    };
    let on_download = move |_| {
        let policy = session.policy.get_untracked();
        let image = store.with(|report| report.image.name.clone());
        leptos::task::spawn_local(async move {
            match desk::write_policy(PolicyTarget::Lamina(Box::new(policy)), image).await {
                Ok(export) => {
                    for file in &export.files {
                        browser::download(&file.name, "application/yaml", &file.text);
                    }
                }
                Err(problem) => toasts.show(words::sentence(&problem)),
            }
        });
    };
    let options = move || {
        let own = kept.get().into_iter().filter_map(|policy| policy.name);
        let own: Vec<String> = own.collect();
        let option = |name: String| view! { <option value=name.clone()>{name.clone()}</option> };
        view! {
            <option value="" selected>{t("Choose one…")}</option>
            <optgroup label=t("To begin with")>
                {BUILT_IN.iter().filter_map(|make| make().name).map(option).collect_view()}
            </optgroup>
            {(!own.is_empty()).then(|| view! { <optgroup label=t("Kept here")>{own.into_iter().map(option).collect_view()}</optgroup> })}
        }
    };
    view! {
        <div class="labBar" role="group" aria-label=t("Policy")>
            <label class="labField">
                <span>{t("Policy")}</span>
                <input type="text" id="lab-name" data-test="lab-name" placeholder=t("name") maxlength="80" autocomplete="off"
                    prop:value=name
                    on:change:target=move |event| {
                        let value = event.target().value().trim().to_owned();
                        session.set_policy(|policy| policy.name = (!value.is_empty()).then_some(value));
                    } />
            </label>
            <label class="labField">
                <span>{t("Start from")}</span>
                <select data-test="lab-choose" on:change:target=move |event| {
                    choose(event.target().value());
                    event.target().set_value("");
                }>{options}</select>
            </label>
            <span class="labBarButtons">
                <button type="button" class="button" data-size="small" data-test="lab-save" disabled=is_kept on:click=on_save>{t("Keep")}</button>
                <Show when=is_kept>
                    <button type="button" class="button" data-size="small" data-kind="quiet" on:click=on_forget>{t("Forget")}</button>
                </Show>
                <button type="button" class="button" data-size="small" data-kind="quiet" data-test="lab-export" title=t("Save it as a YAML file for lamina scan and lamina gate") on:click=on_download>
                    <Icon path=DOWNLOAD /> {t("Save file")}
                </button>
                <FilePicker label=t("Open file…") />
                <button type="button" class="button" data-size="small" data-kind="quiet" data-test="lab-reset"
                    on:click=move |_| reset(session, toasts)>{t("Reset")}</button>
            </span>
        </div>
    }
}

/// Opens a file that has to do with policies: Lamina's, another tool's, or a VEX document.
#[component]
pub fn FilePicker(
    /// The words on the button.
    label: &'static str,
) -> impl IntoView {
    let session = expect_context::<Session>();
    let toasts = expect_context::<Toasts>();
    let input = NodeRef::<html::Input>::new();
    let on_change = move |_| {
        let Some(input) = input.get_untracked() else {
            return;
        };
        let Some(file) = input.files().and_then(|files| files.get(0)) else {
            return;
        };
        input.set_value("");
        leptos::task::spawn_local(async move {
            let name = file.name();
            match desk::read_policy(file).await {
                Ok(read) => heard(session, toasts, &name, read),
                Err(problem) => toasts.show(format!("{name}: {problem}")),
            }
        });
    };
    view! {
        <label class="button fileButton" data-kind="quiet" data-size="small">
            <Icon path=FILE />
            <span>{label}</span>
            <input class="visuallyHidden" type="file" data-test="policy-file" node_ref=input on:change=on_change />
        </label>
    }
}

fn heard(session: Session, toasts: Toasts, name: &str, read: PolicyFile) {
    match read {
        PolicyFile::Policy(policy) => {
            session.set_policy(|current| *current = *policy);
            toasts.show(fill(t("{name} is the policy now"), &[("name", name)]));
        }
        PolicyFile::Tool(file) => {
            let title = lamina_policy::presets::by_id(file.settings.tool())
                .map_or(file.settings.tool(), |preset| preset.title());
            toasts.show(fill(
                t("{tool} is judged by {name}"),
                &[("tool", title), ("name", name)],
            ));
            session.add_tool_file(*file);
        }
        PolicyFile::Vex(text) => match session.add_vex(name, &text) {
            Ok(count) => toasts.show(fill(
                &tn(count, "{name}: {n} statement", "{name}: {n} statements"),
                &[("name", name)],
            )),
            Err(problem) => toasts.show(format!("{name}: {problem}")),
        },
    }
}
