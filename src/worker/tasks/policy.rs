//! Policies and other tools' files, read and written. Here and not in the page, so that the page's
//! first load need not carry readers of YAML and TOML.

use lamina_policy::{Policy, presets::PRESETS, vex};

use crate::scanner::{ExportedFile, PolicyExport, PolicyFile, PolicyTarget, ToolFile};

/// Bytes of a file that is read: VEX documents of a whole distribution are some megabytes.
const MOST_BYTES: f64 = 16e6;

/// Reads a file that has to do with policies, told apart by its name and content.
pub(super) fn read(name: &str, text: &str) -> Result<PolicyFile, String> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let by_name = PRESETS.iter().find(|preset| {
        let mut files = preset.files().iter();
        files.any(|file| {
            base.trim_start_matches('.')
                .eq_ignore_ascii_case(file.trim_start_matches('.'))
        })
    });
    if let Some(preset) = by_name {
        return tool(*preset, base, text);
    }
    if vex::Document::parse(text.as_bytes()).is_ok() {
        return Ok(PolicyFile::Vex(text.to_owned()));
    }
    match Policy::parse(text) {
        Ok(policy) => Ok(PolicyFile::Policy(Box::new(policy))),
        Err(error) => {
            // A tool's file under another name.
            let tools = PRESETS.iter().filter_map(|preset| {
                let file = preset.files().first()?;
                let read = preset.read(file, text).ok()?;
                let says_something = read.value
                    != preset
                        .settings(&Policy::default(), jiff::Timestamp::UNIX_EPOCH)
                        .value;
                (says_something && base.contains(preset.id())).then(|| tool(*preset, base, text))
            });
            tools
                .flatten()
                .next()
                .map_or_else(|| Err(describe(&error)), Ok)
        }
    }
}

fn tool(
    preset: &'static dyn lamina_policy::presets::Preset,
    name: &str,
    text: &str,
) -> Result<PolicyFile, String> {
    let read = preset.read(name, text).map_err(|error| describe(&error))?;
    Ok(PolicyFile::Tool(ToolFile {
        name: name.to_owned(),
        settings: read.value,
        remarks: read.lost,
    }))
}

/// Writes a policy, or a tool's files.
pub(super) fn write(target: PolicyTarget, image: &str) -> Result<PolicyExport, String> {
    match target {
        PolicyTarget::Lamina(policy) => {
            let text = policy.to_yaml().map_err(|error| error.to_string())?;
            Ok(PolicyExport {
                files: vec![ExportedFile {
                    name: "lamina-policy.yaml".to_owned(),
                    text,
                }],
                command: format!("lamina scan --policy lamina-policy.yaml {image}"),
                lost: Vec::new(),
            })
        }
        PolicyTarget::Tool(settings) => {
            let export = settings.export(image);
            Ok(PolicyExport {
                files: export
                    .files
                    .into_iter()
                    .map(|file| ExportedFile {
                        name: file.name.to_owned(),
                        text: file.text,
                    })
                    .collect(),
                command: export.command,
                lost: export.lost,
            })
        }
    }
}

/// The text of a file, if it is not too large for any of these.
pub(super) async fn text_of(file: &web_sys::File) -> Result<String, String> {
    if file.size() > MOST_BYTES {
        return Err(format!("the file is larger than {} MB", MOST_BYTES / 1e6));
    }
    let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
    text.ok()
        .and_then(|text| text.as_string())
        .ok_or_else(|| "the file cannot be read".to_owned())
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
