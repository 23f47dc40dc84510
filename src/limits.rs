//! Every limit: a name, a unit and a reason.
