//! The setting `authentication`: how to log in.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::settings::invalid::Invalid;
use crate::settings::names::User;

/// How to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Section")]
pub struct Authentication {
    /// The private key for `ssh -i`.
    pub identity_file: Option<String>,
    /// The remote user.
    pub user: Option<User>,
}

/// The section as it is written. A key that isn't known is ignored with a warning, as the Python runner ignores it; an
/// empty value counts as absent.
#[derive(Deserialize, JsonSchema)]
#[serde(expecting = "a map")]
#[schemars(deny_unknown_fields)]
struct Section {
    /// The private key for `ssh -i`.
    identify_file: Option<String>,
    /// The same as `identify_file`, which is the documented spelling and wins.
    identity_file: Option<String>,
    /// The user on the host. Default: ssh's own configuration decides.
    user: Option<String>,
}

impl TryFrom<Section> for Authentication {
    type Error = Invalid;

    fn try_from(section: Section) -> Result<Self, Invalid> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let files =
            [("identify_file", section.identify_file), ("identity_file", section.identity_file)];
        let file = files.into_iter().find_map(|(key, file)| Some((key, given(file)?)));
        if let Some((key, _)) = file.as_ref().filter(|(_, file)| file.starts_with('-')) {
            let problem = "it begins with '-', and would be taken for an option";
            return Err(Invalid::new(problem).below(key));
        }
        let user = given(section.user).map(User::try_from).transpose();
        Ok(Self {
            identity_file: file.map(|(_, file)| file),
            user: user.map_err(|invalid| invalid.below("user"))?,
        })
    }
}
