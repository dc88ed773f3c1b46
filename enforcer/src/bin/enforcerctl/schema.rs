//! `schema`: the policy language for editors.

use enforcer::policy::schema::schema as of_policies;

use crate::exit::Stop;
use crate::render::Output;

pub(crate) fn schema(output: &Output) -> Result<(), Stop> {
    output.json(&of_policies())
}
