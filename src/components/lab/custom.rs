//! Rules of one's own, in Rego.

use lamina_policy::CustomRule;
use leptos::prelude::*;

use crate::{
    components::icons::{CLOSE, Icon},
    state::{
        language::{fill, t},
        session::Session,
    },
};

/// What a new rule begins with.
const TEMPLATE: &str = r#"package lamina

# input is the report, as `lamina scan --format json` writes it
deny contains msg if {
	count(input.image.config.exposed_ports) > 1
	msg := "more than one port is exposed"
}
"#;

/// The rules, each with its text.
#[component]
pub fn CustomRules() -> impl IntoView {
    let session = expect_context::<Session>();
    let names = Memo::new(move |_| {
        session.policy.with(|policy| {
            let names = policy.rules.iter().map(|rule| rule.name.clone());
            names.collect::<Vec<_>>()
        })
    });
    let add = move |_| {
        session.set_policy(|policy| {
            let mut number = policy.rules.len() + 1;
            let is_taken = |number: usize| {
                let name = format!("rule-{number}");
                policy.rules.iter().any(|rule| rule.name == name)
            };
            while is_taken(number) {
                number += 1;
            }
            policy.rules.push(CustomRule {
                name: format!("rule-{number}"),
                rego: TEMPLATE.to_owned(),
            });
        });
    };
    view! {
        <section class="labSection" data-test="custom-rules" aria-labelledby="custom-title">
            <div class="labSectionHead">
                <h3 class="labTitle" id="custom-title">{t("Rules of your own")}</h3>
                <button type="button" class="button" data-size="small" data-test="custom-add" on:click=add>{t("Add a rule")}</button>
            </div>
            <p class="labLead">{t("In Rego, over the report: what `deny` holds fails the image, what `warn` holds is warned of. A rule that takes more than 5 seconds, or has an error, fails.")}</p>
            <ul class="labCustom">
                <For each=move || names.get() key=String::clone let(name)>
                    <CustomRow name />
                </For>
            </ul>
        </section>
    }
}

#[component]
fn CustomRow(name: String) -> impl IntoView {
    let session = expect_context::<Session>();
    let text = session
        .policy
        .with_untracked(|policy| {
            let mut rules = policy.rules.iter();
            rules
                .find(|rule| rule.name == name)
                .map(|rule| rule.rego.clone())
        })
        .unwrap_or_default();
    let rows = text.lines().count().clamp(4, 24).to_string();
    let label = fill(t("Rego of {name}"), &[("name", &name)]);
    let remove = fill(t("Remove {name}"), &[("name", &name)]);
    let (changed, removed) = (name.clone(), name.clone());
    view! {
        <li class="labCustomRule">
            <span class="mono">{name}</span>
            <button type="button" class="iconButton" aria-label=remove title=t("Remove")
                on:click=move |_| session.set_policy(|policy| policy.rules.retain(|rule| rule.name != removed))>
                <Icon path=CLOSE />
            </button>
            <textarea class="labRego" spellcheck="false" autocomplete="off" aria-label=label rows=rows data-test="custom-rego"
                prop:value=text
                on:change:target=move |event| {
                    let value = event.target().value();
                    session.set_policy(|policy| {
                        let mut rules = policy.rules.iter_mut();
                        if let Some(rule) = rules.find(|rule| rule.name == changed) {
                            rule.rego = value;
                        }
                    });
                } />
        </li>
    }
}
