//! [`Tables`] over the maps.

use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::helpers::generated::bpf_ktime_get_coarse_ns;
use enforcer_common::flow::{Flow, FlowKey, LiveFlow};
use enforcer_common::table::{Control, Line};
use enforcer_common::tables::Tables;

use crate::maps;

pub(crate) struct KernelTables;

impl Tables for KernelTables {
    #[inline(always)]
    fn control(&self) -> Control {
        let Some(control) = maps::CONTROL.get_ptr(0) else {
            return Control::default();
        };
        // SAFETY: the pointer is to a map value; each field is one aligned load,
        // and user space writes `active` last and as one store.
        unsafe {
            Control {
                active: (&raw const (*control).active).read_volatile(),
                adopt_until: (&raw const (*control).adopt_until).read_volatile(),
                ..Control::default()
            }
        }
    }

    #[inline(always)]
    fn line<L: Line>(&self, index: u32) -> Option<&L> {
        // SAFETY: `Line` promises 64 bytes in which any bits are valid, and a map
        // value is as large and 8-byte aligned. The half in force is not written.
        unsafe { maps::POLICY.get_ptr(index)?.cast::<L>().as_ref() }
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing and reads a clock.
        unsafe { bpf_ktime_get_coarse_ns() }
    }

    #[inline(always)]
    fn flow(&self, key: &FlowKey) -> Option<&LiveFlow> {
        // SAFETY: `LiveFlow` is a transparent view of the map's value, made for
        // memory that other CPUs write too.
        unsafe { maps::FLOWS.get_ptr(key)?.cast::<LiveFlow>().as_ref() }
    }

    #[inline(always)]
    fn remember(&self, key: &FlowKey, flow: &Flow) -> bool {
        let created = maps::FLOWS.insert(key, flow, u64::from(BPF_ANY)).is_ok();
        crate::record::count_flow(created);
        created
    }

    #[inline(always)]
    fn spend_flow(&self, device: u32, per_second: u32, now: u64) -> bool {
        let Some(budget) = maps::BUDGETS.get_ptr_mut(device) else {
            return true;
        };
        // SAFETY: the entry belongs to this CPU.
        let granted = unsafe { (*budget).spend_flow(per_second, now) };
        if !granted {
            crate::record::count_flow(false);
        }
        granted
    }
}
