//! The sample report in every format, as it was last read and accepted (`testdata/golden`).

use lamina_policy::Policy;
use lamina_report::formats::{FORMATS, Judged};

use crate::sample;

#[test]
fn every_format_writes_the_sample_as_accepted() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../testdata/golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    let (report, now) = (sample::report(), sample::now());
    for format in FORMATS {
        let text = format.render(&Judged::new(&report, &Policy::default(), now));
        insta::assert_snapshot!(format.id(), text);
    }
}
