//! Policies and other tools' files, read and written.

use lamina_policy::{
    Policy,
    presets::{self, PRESETS, Preset},
    vex,
};

use super::{ExportedFile, PolicyExport, PolicyFile, PolicyTarget, ToolFile};

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
    Policy::parse(text)
        .map(|policy| PolicyFile::Policy(Box::new(policy)))
        .map_err(|error| describe(&error))
}

fn tool(preset: &'static dyn Preset, name: &str, text: &str) -> Result<PolicyFile, String> {
    let read = presets::read(preset.id(), name, text)
        .ok_or_else(|| format!("no tool is named {}", preset.id()))?
        .map_err(|error| describe(&error))?;
    Ok(PolicyFile::Tool(Box::new(ToolFile {
        name: name.to_owned(),
        settings: read.value,
        remarks: read.lost,
    })))
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

pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
