//! Systems that cannot be started.

use crate::support::{bundle, component, system};
use airox_bundle::Bundle;
use airox_bundle::system::System;
use airox_init::plan::{PlanError, plan};

#[test]
fn wrong_systems_are_refused() {
    let bytes = bundle();
    let bundle = Bundle::parse(&bytes).unwrap();
    let refuse = |change: &dyn Fn(&mut System)| {
        let mut system = system();
        change(&mut system);
        plan(&system, &bundle).unwrap_err()
    };
    assert_eq!(refuse(&|system| system.components.clear()), PlanError::Empty);
    assert_eq!(refuse(&|system| system.components.resize(1001, component("x"))), PlanError::TooMany(1001));
    assert_eq!(refuse(&|system| system.components[1].name = "log".into()), PlanError::DuplicateName("log".into()));
    let text = refuse(&|system| system.components[1].program = "gone".into()).to_string();
    assert_eq!(text, "the bundle has no program `gone` for component `uart`");
    let text = refuse(&|system| system.components[1].processors = 0).to_string();
    assert_eq!(text, "`uart` has no processor to run on");
    let text = refuse(&|system| system.components[3].uses[0].interface = "disk".into()).to_string();
    assert_eq!(text, "`once` uses `disk`, which `uart` does not provide");
    let text = refuse(&|system| system.components.swap(0, 1)).to_string();
    assert_eq!(text, "`log` is to start after its client `uart`");
    let text = refuse(&|system| {
        let process = system.components.remove(2);
        system.components = vec![process];
        system.components[0].uses.clear();
    })
    .to_string();
    assert_eq!(text, "`process` is to administer the log, but nobody provides one");
}
