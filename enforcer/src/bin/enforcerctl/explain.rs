//! `explain`: one decision, by the daemon's policy or by a file's.

use std::path::Path;

use enforcer::control::api::{Explanation, Question};
use enforcer::control::client::Client;
use enforcer::simulate::explain::explain as judge;

use crate::exit::Stop;
use crate::policy;
use crate::render::{Output, Style};

pub(crate) async fn explain(
    question: &Question,
    file: Option<&Path>,
    client: &Client,
    output: &Output,
) -> Result<(), Stop> {
    let answer: Explanation = match file {
        Some(file) => {
            let (model, compiled, _) = policy::read(file)?;
            judge(&model, &compiled, question).map_err(Stop::Failed)?
        }
        None => client.post("/v1/explain", question).await?,
    };
    if output.is_json() {
        return output.json(&answer);
    }
    for (number, step) in answer.steps.iter().enumerate() {
        output.line(&format!("{:>2}. {step}", number + 1))?;
    }
    let fate = output.style(&answer.fate, Style::of_fate(&answer.fate));
    let rule = answer
        .rule
        .as_ref()
        .map(|rule| format!(" by {rule}"))
        .unwrap_or_default();
    output.line(&format!(
        "\n{fate} ({}){rule}: {}",
        answer.reason, answer.explanation
    ))?;
    if answer.reason == "no-rule" {
        output.hint("a rule in the device's profile would allow it: see docs/policy.md, then enforcerctl check FILE");
    }
    Ok(())
}
