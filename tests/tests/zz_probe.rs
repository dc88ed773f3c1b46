use aya::{EbpfLoader, VerifierLogLevel, programs::Xdp};
#[test]
fn probe() {
    let path = std::env::var("OBJ").unwrap();
    let mut ebpf = EbpfLoader::new()
        .verifier_log_level(VerifierLogLevel::STATS | VerifierLogLevel::DEBUG)
        .map_max_entries("POLICY", 4096)
        .load_file(path)
        .unwrap();
    let p: &mut Xdp = ebpf.program_mut("enforcer").unwrap().try_into().unwrap();
    match p.load() {
        Ok(()) => println!("ok {:?}", p.info().unwrap().verified_instruction_count()),
        Err(aya::programs::ProgramError::LoadError {
            verifier_log,
            io_error,
        }) => {
            println!("{io_error}");
            let l = verifier_log.to_string();
            report(&l);
        }
        Err(e) => println!("{e}"),
    }
}

fn report(l: &str) {
    let mut name = "main".to_string();
    let mut counts: Vec<(String, usize)> = vec![];
    let mut n = 0;
    for line in l.lines() {
        if let Some(rest) = line.strip_prefix("Validating ") {
            counts.push((name, n));
            name = rest.to_string();
            n = 0;
        } else if line
            .split(':')
            .next()
            .is_some_and(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()))
        {
            n += 1;
        }
    }
    counts.push((name, n));
    for (name, n) in counts {
        println!("{n:8} {name}");
    }
    let all: Vec<&str> = l.lines().collect();
    for x in &all[all.len().saturating_sub(6)..] {
        println!("{x}");
    }
}
