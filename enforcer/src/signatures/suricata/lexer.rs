//! A rule cut into its fields: seven of the header, and its options. Knows no keyword.

use super::refusal::{Refusal, refuse};

/// `action protocol source port -> destination port (keywords)`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule<'t> {
    pub(super) action: &'t str,
    pub(super) protocol: &'t str,
    pub(super) source: &'t str,
    pub(super) source_port: &'t str,
    /// `->`, or `<>` for both ways.
    pub(super) arrow: &'t str,
    pub(super) destination: &'t str,
    pub(super) destination_port: &'t str,
    /// In the order in which they are written.
    pub(super) keywords: Vec<Keyword<'t>>,
}

/// `name;` or `name:value;`, without blanks around either; escapes stand as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keyword<'t> {
    /// Never empty.
    pub(super) name: &'t str,
    pub(super) value: Option<&'t str>,
}

impl<'t> Rule<'t> {
    /// # Errors
    /// `syntax` for what is no rule.
    pub(super) fn lex(text: &'t str) -> Result<Self, Refusal> {
        let syntax = |why: &str| refuse("syntax", why);
        let (header, rest) = text
            .split_once('(')
            .ok_or_else(|| syntax("no options in parentheses"))?;
        let options = rest
            .trim_end()
            .strip_suffix(')')
            .ok_or_else(|| syntax("the options do not end with a parenthesis"))?;
        let fields = fields(header);
        let &[
            action,
            protocol,
            source,
            source_port,
            arrow @ ("->" | "<>"),
            destination,
            destination_port,
        ] = fields.as_slice()
        else {
            return Err(syntax(
                "the header is not `action protocol source port -> destination port`",
            ));
        };
        Ok(Self {
            action,
            protocol,
            source,
            source_port,
            arrow,
            destination,
            destination_port,
            keywords: keywords(options)?,
        })
    }

    /// The number that the rule gives itself, if it is one.
    pub(super) fn sid(&self) -> Option<u32> {
        let sid = self.keywords.iter().find(|keyword| keyword.name == "sid")?;
        sid.value?.parse().ok()
    }
}

/// What is between blanks; blanks within a list part nothing.
fn fields(header: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = |character: char| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && character.is_whitespace()
    };
    let fields = header.split(parts);
    fields.filter(|field| !field.is_empty()).collect()
}

/// Each ends with the first semicolon that has no backslash before it, be it in quotation
/// marks or not, as in Suricata (`SigParseOptions` in detect-parse.c).
fn keywords(options: &str) -> Result<Vec<Keyword<'_>>, Refusal> {
    let mut keywords = Vec::new();
    let mut before = ' ';
    let mut begin = 0;
    for (place, character) in options.char_indices() {
        let ends = character == ';' && before != '\\';
        before = character;
        if ends {
            keywords.push(keyword(options.get(begin..place).unwrap_or_default())?);
            begin = place + 1;
        }
    }
    let rest = options.get(begin..).unwrap_or_default();
    if !rest.trim().is_empty() {
        return Err(refuse("syntax", "the last option has no semicolon"));
    }
    Ok(keywords)
}

fn keyword(option: &str) -> Result<Keyword<'_>, Refusal> {
    let (name, value) = match option.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (option.trim(), None),
    };
    if name.is_empty() {
        return Err(refuse("syntax", "an option without a name"));
    }
    Ok(Keyword { name, value })
}

impl<'t> Keyword<'t> {
    /// The value.
    ///
    /// # Errors
    /// By its name if it has none.
    pub(super) fn value(self) -> Result<&'t str, Refusal> {
        let value = self.value.filter(|value| !value.is_empty());
        value.ok_or_else(|| self.refuse("a value is missing"))
    }

    /// What stands in the quotation marks; escapes as written.
    ///
    /// # Errors
    /// By its name if the value is not one text in quotation marks.
    pub(super) fn quoted(self) -> Result<&'t str, Refusal> {
        let open = self
            .value()?
            .strip_prefix('"')
            .ok_or_else(|| self.refuse("the value is not in quotation marks"))?;
        let mut escaped = false;
        let end = open.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (inside, behind) = end
            .and_then(|end| open.split_at_checked(end))
            .ok_or_else(|| {
                self.refuse("the quotation marks are not closed; `;` and `\"` are escaped in them")
            })?;
        if behind != "\"" {
            return Err(self.refuse("something follows the quotation marks"));
        }
        Ok(inside)
    }

    /// # Errors
    /// By its name if it has a value.
    pub(super) fn bare(self) -> Result<(), Refusal> {
        match self.value {
            None => Ok(()),
            Some(_) => Err(self.refuse("this keyword has no value")),
        }
    }

    /// A whole number of these.
    ///
    /// # Errors
    /// By its name for anything else, the name of a variable included.
    pub(super) fn number(self, from: i32, to: i32) -> Result<i32, Refusal> {
        let number = self.value()?.parse().ok();
        number
            .filter(|number| (from..=to).contains(number))
            .ok_or_else(|| self.refuse(format!("not a number from {from} to {to}")))
    }

    pub(super) fn refuse(self, why: impl Into<String>) -> Refusal {
        refuse(self.name, why)
    }
}
