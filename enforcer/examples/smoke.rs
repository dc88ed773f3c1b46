use aya::programs::{TestRun, TestRunOptions};
use enforcer::datapath::{Capacity, Datapath};
fn main() {
    let mut d = match Datapath::load(Capacity {
        policy_lines: 1 << 16,
        flows: 65536,
    }) {
        Ok(d) => d,
        Err(e) => {
            let s = format!("{e:?}");
            let n = s.len();
            println!("{}", &s[..n.min(1500)]);
            println!("....{}", &s[n.saturating_sub(4000)..]);
            return;
        }
    };
    println!("verified {}", d.verified_instructions().unwrap());
    let data = [0u8; 64];
    let mut o = TestRunOptions::new();
    o.data_in = Some(&data);
    o.repeat = 1;
    println!("{:?}", d.program().unwrap().test_run(o));
    println!("{:?}", d.verdicts(1));
}
