//! Keywords that narrow or widen what a rule hits, and are not supported.

use super::*;

#[test]
fn by_name() {
    for option in [
        r#"pcre:"/a\;b/R""#,
        "flowbits:isset,a",
        "flowint:a,+,1",
        "xbits:set,a,track ip_src",
        "threshold:track by_src, count 1, seconds 60",
        "detection_filter:track by_src, count 1",
        "byte_jump:4,0,relative,string",
        "byte_extract:1,0,length",
        "byte_math:bytes 1, offset 0, oper +, rvalue 1, result a",
        "isdataat:100",
        "bsize:100",
        "flags:0",
        "ttl:64",
        "sameip",
        "noalert",
        "rawbytes",
        "http_uri",
        "http.uri",
        "file_data",
        "pkt_data",
        "uricontent:\"a\"",
        "stream_size:server,<,5",
        "app-layer-protocol:http",
        "Nocase",
        "of-my-own",
    ] {
        let options = format!(r#"msg:"a"; content:"a"; {option}; frobnicate;"#);
        let name = option.split(':').next().unwrap();
        assert_eq!(refused(TCP, &options), name);
    }
}

#[test]
fn by_the_first_in_the_way() {
    let refused = |options: &str| refused(TCP, options);
    assert_eq!(refused(r#"content:!"a"; pcre:"/a/";"#), "pcre");
    assert_eq!(refused(r#"content:"a"; pcre:"/a/"; content:!"a";"#), "pcre");
    // Before what is wrong with all together.
    assert_eq!(refused(r#"content:"a"; content:"b"; pcre:"/a/";"#), "pcre");
    assert_eq!(refused(r#"msg:"a";"#), "no content");
    let header = "alert http any any -> 10.0.0.1 any";
    assert_eq!(super::refused(header, "pcre:x;"), "protocol http");
}
