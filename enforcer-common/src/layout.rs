//! What user space needs to move these types through maps.

use aya::Pod;

use crate::counter::{Budget, Redirected, Traffic, Trial};
use crate::event::Event;
use crate::flow::{Flow, FlowKey};
use crate::learned::LearnedKey;
use crate::port::Port;
use crate::stream::Stream;
use crate::table::Control;

macro_rules! pod {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: `repr(C)`, plain integers without padding, any bit pattern is valid.
        unsafe impl Pod for $type {}
    )*};
}
pod!(
    Budget, Control, Event, Flow, FlowKey, LearnedKey, Port, Redirected, Stream, Traffic, Trial
);
