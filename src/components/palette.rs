//! The command palette: one field from which everything is reached by its name.

use leptos::{html, prelude::*};

use crate::{
    browser, scanner,
    state::{
        address::{Address, Subject, View},
        language::{t, tn},
        overlays::{Overlay, Overlays},
        palette::{self, Command, Entry},
        session::{Phase, Session},
        settings::Settings,
        shortcuts,
    },
};

/// The field and what it finds.
#[component]
pub fn CommandField() -> impl IntoView {
    let session = expect_context::<Session>();
    let settings = expect_context::<Settings>();
    let overlays = expect_context::<Overlays>();
    let query = RwSignal::new(String::new());
    let active = RwSignal::new(0_usize);
    let field = NodeRef::<html::Input>::new();
    let kept = LocalResource::new(scanner::recent_scans);
    let entries = Memo::new(move |_| {
        let kept = kept.get().unwrap_or_default();
        query.with(|query| {
            session.phase.with(|phase| {
                let report = match phase {
                    Phase::Done(loaded) => Some(&loaded.report),
                    _ => None,
                };
                palette::entries(query, report, &kept)
            })
        })
    });
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let choose = move |entry: Entry| {
        overlays.close(Overlay::Palette);
        run(&entry.command, session, settings, overlays);
    };
    let move_to = move |position: usize| {
        active.set(position);
        browser::reveal(&option_id(position));
    };
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let last = entries.with(Vec::len).saturating_sub(1);
        let now = active.get_untracked().min(last);
        match event.key().as_str() {
            "ArrowDown" => move_to(if now == last { 0 } else { now + 1 }),
            "ArrowUp" => move_to(now.checked_sub(1).unwrap_or(last)),
            "PageDown" => move_to((now + 10).min(last)),
            "PageUp" => move_to(now.saturating_sub(10)),
            "Enter" => {
                if let Some(entry) = entries.with_untracked(|entries| entries.get(now).cloned()) {
                    choose(entry);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let is_mac = browser::is_mac();
    let options = move || {
        let option = |(position, entry): (usize, Entry)| {
            let keys = entry
                .action
                .and_then(|action| shortcuts::shown(action, is_mac));
            let shown = entry.clone();
            view! {
                <li
                    class="paletteOption"
                    role="option"
                    id=option_id(position)
                    data-test="palette-option"
                    aria-selected=move || if active.get() == position { "true" } else { "false" }
                    on:mousemove=move |_| {
                        if active.get_untracked() != position {
                            active.set(position);
                        }
                    }
                    on:click=move |_| choose(entry.clone())
                >
                    <span class="paletteTitle">{shown.title}</span>
                    <span class="paletteDetail">{shown.detail}</span>
                    {keys.map(|keys| view! { <kbd>{keys}</kbd> })}
                </li>
            }
        };
        entries
            .get()
            .into_iter()
            .enumerate()
            .map(option)
            .collect_view()
    };
    let found = move || {
        let count = entries.with(Vec::len);
        tn(count, "{n} command", "{n} commands")
    };
    view! {
        <input
            class="paletteField"
            type="text"
            role="combobox"
            aria-label=t("Command, layer, finding, package or kept scan")
            placeholder=t("Command, layer, finding, package …")
            aria-expanded="true"
            aria-controls="palette-list"
            aria-autocomplete="list"
            aria-activedescendant=move || entries.with(|entries| (!entries.is_empty()).then(|| option_id(active.get())))
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            maxlength="200"
            data-test="palette-field"
            node_ref=field
            prop:value=query
            on:input:target=move |event| {
                query.set(event.target().value());
                active.set(0);
            }
            on:keydown=on_key
        />
        <ul class="paletteList" id="palette-list" role="listbox" aria-label=t("Commands")>{options}</ul>
        <p class="visuallyHidden" role="status">{found}</p>
    }
}

fn option_id(position: usize) -> String {
    format!("palette-{position}")
}

fn run(command: &Command, session: Session, settings: Settings, overlays: Overlays) {
    match command {
        Command::Open(view) => {
            let view = *view;
            session.select(|address| address.open(view));
            browser::reveal_below("lists");
            request_animation_frame(move || browser::focus(&format!("tab-{}", view.word())));
        }
        Command::Layer(layer) => {
            session.select(|address| address.layer = *layer);
            let id = layer.map(|layer| format!("stratum-{layer}"));
            request_animation_frame(move || {
                if let Some(id) = id {
                    browser::focus(&id);
                }
            });
        }
        Command::Finding(index) => {
            let key = with_report(session, |report| {
                let finding = report.findings.get(*index)?;
                Some(format!("{}@{}", finding.id, finding.package))
            });
            session.select(|address| {
                address.open(View::Findings);
                address.finding = key;
            });
            request_animation_frame(|| browser::focus("drawer-title"));
        }
        Command::Package(index) => {
            session.select(|address| {
                address.open(View::Packages);
                address.package = Some(*index);
            });
            request_animation_frame(|| browser::focus("drawer-title"));
        }
        Command::Severities(severities) => session.select(|address| {
            address.open(View::Findings);
            address.severities.clone_from(severities);
        }),
        Command::Search(text) => {
            session.select(|address| {
                address.open(View::Findings);
                address.search.clone_from(text);
            });
            request_animation_frame(|| browser::focus("search"));
        }
        Command::Scan(reference) => session.scan_reference(reference.clone(), None),
        Command::ScanAgain => session.scan_again(),
        Command::Kept(key) => session.go(Address::of(Subject::Recent(key.clone()), None)),
        Command::Press(selector) => {
            let _ = browser::press(selector);
        }
        Command::Overlay(overlay) => overlays.show(*overlay),
        Command::Theme => settings.set_theme(settings.theme.get_untracked().next()),
        Command::Home => session.go(Address::home()),
    }
}

fn with_report<T>(
    session: Session,
    read: impl FnOnce(&lamina_report::model::Report) -> Option<T>,
) -> Option<T> {
    session.phase.with_untracked(|phase| match phase {
        Phase::Done(loaded) => read(&loaded.report),
        _ => None,
    })
}
