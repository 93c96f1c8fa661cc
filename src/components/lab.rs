//! The policy lab: every rule of the policy beside what it says of this image, what other tools would
//! say, and since when.

pub mod custom;
pub mod exceptions;
pub mod outcome;
pub mod policies;
pub mod rules;
pub mod timeline;
pub mod tools;
pub mod vex;

use leptos::prelude::*;

use super::beside::OtherScanners;
use custom::CustomRules;
use exceptions::Exceptions;
use outcome::Outcome;
use policies::PolicyBar;
use rules::Rules;
use timeline::TimelineChart;
use tools::Tools;
use vex::VexList;

/// The view.
#[component]
pub fn Lab() -> impl IntoView {
    view! {
        <div class="lab" data-test="lab">
            <PolicyBar />
            <div class="labColumns">
                <Rules />
                <Outcome />
            </div>
            <Tools />
            <TimelineChart />
            <Exceptions />
            <VexList />
            <CustomRules />
            <OtherScanners />
        </div>
    }
}
