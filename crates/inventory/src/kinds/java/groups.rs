//! Groups of well-known artifacts whose archives do not name theirs.
//!
//! Gradle and Ant write no `pom.properties`. Without its group `spring-core` is found in no advisory,
//! and no attribute of its manifest has it. Names and groups as in Maven Central.

/// The group of a well-known artifact.
pub(super) fn group_of(artifact: &str) -> Option<&str> {
    // Apache Commons: what came before 2007 has groups of its own.
    if OLD_COMMONS.contains(&artifact) {
        return Some(artifact);
    }
    let exact = EXACT.iter().find(|(_, names)| names.contains(&artifact));
    if let Some((group, _)) = exact {
        return Some(group);
    }
    let by_prefix = PREFIXES
        .iter()
        .find(|(prefix, _)| artifact.starts_with(prefix));
    by_prefix.map(|(_, group)| *group)
}

const OLD_COMMONS: &[&str] = &[
    "commons-beanutils",
    "commons-cli",
    "commons-codec",
    "commons-collections",
    "commons-configuration",
    "commons-daemon",
    "commons-dbcp",
    "commons-dbutils",
    "commons-digester",
    "commons-discovery",
    "commons-el",
    "commons-fileupload",
    "commons-httpclient",
    "commons-io",
    "commons-jexl",
    "commons-jxpath",
    "commons-lang",
    "commons-logging",
    "commons-math",
    "commons-net",
    "commons-pool",
    "commons-validator",
];

/// Group, and its artifacts.
const EXACT: &[(&str, &[&str])] = &[
    (
        "org.springframework",
        &[
            "spring-aop",
            "spring-aspects",
            "spring-beans",
            "spring-context",
            "spring-context-indexer",
            "spring-context-support",
            "spring-core",
            "spring-expression",
            "spring-instrument",
            "spring-jcl",
            "spring-jdbc",
            "spring-jms",
            "spring-messaging",
            "spring-orm",
            "spring-oxm",
            "spring-r2dbc",
            "spring-test",
            "spring-tx",
            "spring-web",
            "spring-webflux",
            "spring-webmvc",
            "spring-webmvc-portlet",
            "spring-websocket",
        ],
    ),
    (
        "org.springframework.amqp",
        &["spring-amqp", "spring-rabbit"],
    ),
    ("org.springframework.hateoas", &["spring-hateoas"]),
    ("org.springframework.kafka", &["spring-kafka"]),
    ("org.springframework.retry", &["spring-retry"]),
    (
        "org.springframework.webflow",
        &["spring-webflow", "spring-js", "spring-binding"],
    ),
    ("io.projectreactor", &["reactor-core", "reactor-test"]),
    (
        "org.apache.kafka",
        &[
            "kafka-clients",
            "kafka-streams",
            "connect-api",
            "connect-json",
        ],
    ),
    (
        "org.elasticsearch",
        &[
            "elasticsearch",
            "elasticsearch-core",
            "elasticsearch-x-content",
        ],
    ),
    ("com.squareup.okio", &["okio", "okio-jvm"]),
    ("com.h2database", &["h2"]),
    ("org.hsqldb", &["hsqldb"]),
    (
        "org.apache.derby",
        &["derby", "derbyclient", "derbynet", "derbytools"],
    ),
    (
        "org.apache.ant",
        &["ant", "ant-launcher", "ant-junit", "ant-nodeps"],
    ),
    (
        "com.oracle.database.jdbc",
        &["ojdbc8", "ojdbc10", "ojdbc11", "ucp"],
    ),
    ("mysql", &["mysql-connector-java"]),
    ("com.mysql", &["mysql-connector-j"]),
    ("log4j", &["log4j"]),
    ("junit", &["junit"]),
    ("xalan", &["xalan", "serializer"]),
    ("xerces", &["xercesImpl", "xmlParserAPIs"]),
    ("xml-apis", &["xml-apis", "xml-apis-ext"]),
    (
        "javax.servlet",
        &["servlet-api", "javax.servlet-api", "jstl"],
    ),
    ("javax.servlet.jsp", &["jsp-api"]),
    ("javax.activation", &["activation"]),
    ("javax.mail", &["mail"]),
    ("com.sun.xml.bind", &["jaxb-impl", "jaxb-xjc"]),
    ("javax.xml.bind", &["jaxb-api"]),
    ("antlr", &["antlr"]),
    ("aopalliance", &["aopalliance"]),
    ("com.google.code.findbugs", &["jsr305"]),
    ("com.google.inject", &["guice"]),
    (
        "org.ow2.asm",
        &["asm", "asm-analysis", "asm-commons", "asm-tree", "asm-util"],
    ),
    ("oro", &["oro"]),
];

/// Prefix of artifacts, and the group of all of them. The first that fits counts.
const PREFIXES: &[(&str, &str)] = &[
    ("commons-", "org.apache.commons"),
    ("spring-batch-", "org.springframework.batch"),
    ("spring-boot", "org.springframework.boot"),
    ("spring-cloud-", "org.springframework.cloud"),
    ("spring-data-", "org.springframework.data"),
    ("spring-integration-", "org.springframework.integration"),
    ("spring-ldap-", "org.springframework.ldap"),
    ("spring-plugin-", "org.springframework.plugin"),
    ("spring-security-", "org.springframework.security"),
    ("spring-session-", "org.springframework.session"),
    ("spring-ws-", "org.springframework.ws"),
    ("guice-", "com.google.inject.extensions"),
    ("reactor-netty", "io.projectreactor.netty"),
    ("micrometer-", "io.micrometer"),
    ("kotlin-", "org.jetbrains.kotlin"),
    ("kotlinx-", "org.jetbrains.kotlinx"),
    ("kafka_2.", "org.apache.kafka"),
    ("lucene-", "org.apache.lucene"),
    ("bcmail-", "org.bouncycastle"),
    ("bcpg-", "org.bouncycastle"),
    ("bcpkix-", "org.bouncycastle"),
    ("bcprov-", "org.bouncycastle"),
    ("bctls-", "org.bouncycastle"),
    ("bcutil-", "org.bouncycastle"),
    ("tomcat-embed-", "org.apache.tomcat.embed"),
    ("tomcat-", "org.apache.tomcat"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_of_maven_central() {
        let check = |artifact: &str, expect: Option<&str>| {
            assert_eq!(group_of(artifact), expect, "{artifact}");
        };
        check("commons-io", Some("commons-io"));
        check("commons-lang3", Some("org.apache.commons"));
        check("spring-core", Some("org.springframework"));
        check("spring-boot", Some("org.springframework.boot"));
        check("spring-boot-starter-web", Some("org.springframework.boot"));
        check("tomcat-embed-core", Some("org.apache.tomcat.embed"));
        check("tomcat-juli", Some("org.apache.tomcat"));
        check("bcprov-jdk15on", Some("org.bouncycastle"));
        check("demo", None);
        check("", None);
    }
}
