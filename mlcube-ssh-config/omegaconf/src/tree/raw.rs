//! Values that aren't nodes: the arguments and results of resolvers.

use crate::error::{Error, Result};
use crate::interpolation::Literal;
use crate::tree::value::{NodeId, Value};
use crate::yaml::Key;

/// A value outside of the tree, or a map or list in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list that isn't in the tree.
    List(Vec<Raw>),
    /// A map that isn't in the tree.
    Map(Vec<(Literal, Raw)>),
    /// A map or a list in the tree.
    Node(NodeId),
}

impl Raw {
    /// Converts the value to one that a configuration can hold.
    ///
    /// # Errors
    /// When it is a map or a list.
    pub fn into_scalar(self) -> Result<Value> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Bool(flag) => Ok(Value::Bool(flag)),
            Self::Int(number) => Ok(Value::Int(number)),
            Self::Float(number) => Ok(Value::Float(number)),
            Self::Text(text) => Ok(Value::Text(text)),
            Self::List(_) | Self::Map(_) | Self::Node(_) => Err(Error::new(
                "a list or a map that oc.decode makes can't be a value; make it with oc.create",
            )),
        }
    }
}

impl From<&Literal> for Raw {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(flag) => Self::Bool(*flag),
            Literal::Int(number) => Self::Int(*number),
            Literal::Float(number) => Self::Float(*number),
            Literal::Text(text) => Self::Text(text.clone()),
        }
    }
}

impl From<&Key> for Raw {
    fn from(key: &Key) -> Self {
        match key {
            Key::Text(text) => Self::Text(text.clone()),
            Key::Int(number) => Self::Int(*number),
            Key::Float(number) => Self::Float(*number),
            Key::Bool(flag) => Self::Bool(*flag),
        }
    }
}
