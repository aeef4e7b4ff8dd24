/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - see wire.h. SIGPIPE must be ignored by the test (OpenSSL writes with write()).
 */
#include "test/unit/wire.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/parse.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 30000

/* NULL: none. */
struct identity {
    const char *cert_pem, *key_pem;
};

static void take_on(SSL_CTX *context, const struct identity *identity)
{
    BIO *cert_in = BIO_new_mem_buf(identity->cert_pem, -1);
    BIO *key_in = BIO_new_mem_buf(identity->key_pem, -1);
    X509 *cert = PEM_read_bio_X509(cert_in, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);
    SSL_CTX_use_certificate(context, cert);
    SSL_CTX_use_PrivateKey(context, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(cert_in);
    BIO_free(key_in);
}

static SSL *handshake(int fd, int version, const struct identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_cipher_list(context,
                            "DEFAULT:@SECLEVEL=0"); /* so that OpenSSL offers TLS 1.1 at all */
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (identity->cert_pem != NULL) {
        take_on(context, identity);
    }
    SSL *tls = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(tls, fd);
    if (SSL_connect(tls) == 1) {
        return tls;
    }
    SSL_free(tls);
    return NULL;
}

static struct zl_wire dial(uint8_t host, uint16_t port, int tls_version,
                           const struct identity *identity)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~UINT32_C(255)) | host);
    struct zl_wire wire = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval wait = {.tv_sec = ANSWER_WAIT_MS / 1000};
    int yes = 1;
    setsockopt(wire.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* like Go's client */
    setsockopt(wire.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(wire.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (bind(wire.fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(wire.fd, (struct sockaddr *)&peer, sizeof peer) != 0) {
        zl_wire_close(&wire);
        return wire;
    }
    if (tls_version == 0) {
        return wire;
    }
    wire.tls = handshake(wire.fd, tls_version, identity);
    if (wire.tls == NULL) {
        zl_wire_close(&wire);
    }
    return wire;
}

struct zl_wire zl_wire_open(uint16_t port, int tls_version)
{
    return zl_wire_open_from(1, port, tls_version);
}

struct zl_wire zl_wire_open_from(uint8_t host, uint16_t port, int tls_version)
{
    const struct identity nobody = {0};
    return dial(host, port, tls_version, &nobody);
}

struct zl_wire zl_wire_open_as(const char *cert_pem, const char *key_pem, uint16_t port,
                               int tls_version)
{
    const struct identity identity = {.cert_pem = cert_pem, .key_pem = key_pem};
    return dial(1, port, tls_version, &identity);
}

void zl_wire_close(struct zl_wire *wire)
{
    SSL_free(wire->tls);
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    *wire = (struct zl_wire){.fd = -1};
}

static char *take_fingerprint(X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    X509_digest(certificate, EVP_sha256(), digest, &length);
    X509_free(certificate);
    return zl_base64_encode(digest, length);
}

char *zl_wire_fingerprint(const struct zl_wire *wire)
{
    return take_fingerprint(SSL_get1_peer_certificate(wire->tls));
}

char *zl_pem_fingerprint(const char *cert_pem)
{
    BIO *in = BIO_new_mem_buf(cert_pem, -1);
    X509 *certificate = PEM_read_bio_X509(in, NULL, NULL, NULL);
    BIO_free(in);
    return take_fingerprint(certificate);
}

bool zl_wire_send(struct zl_wire *wire, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t sent = wire->tls != NULL ? SSL_write(wire->tls, next, (int)length)
                                         : send(wire->fd, next, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        next += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool zl_wire_send_text(struct zl_wire *wire, const char *text)
{
    return zl_wire_send(wire, text, strlen(text));
}

void zl_wire_send_zeros(struct zl_wire *wire, size_t length, bool chunked)
{
    char block[16384];
    memset(block, '0', sizeof block);
    while (length > 0) {
        size_t piece = length < sizeof block ? length : sizeof block;
        char head[32];
        snprintf(head, sizeof head, "%zx\r\n", piece);
        if (chunked && !zl_wire_send_text(wire, head)) {
            return;
        }
        if (!zl_wire_send(wire, block, piece) || (chunked && !zl_wire_send_text(wire, "\r\n"))) {
            return;
        }
        length -= piece;
    }
    if (chunked) {
        zl_wire_send_text(wire, "0\r\n\r\n");
    }
}

static ssize_t receive_some(struct zl_wire *wire, char *out, size_t size)
{
    return wire->tls != NULL ? SSL_read(wire->tls, out, (int)size) : recv(wire->fd, out, size, 0);
}

static bool receive_head(struct zl_wire *wire, struct zl_wire_answer *answer)
{
    size_t length = 0;
    while (length < sizeof answer->head - 1) {
        if (receive_some(wire, answer->head + length, 1) != 1) {
            return false;
        }
        answer->head[++length] = '\0';
        if (length >= 4 && strcmp(answer->head + length - 4, "\r\n\r\n") == 0) {
            return true;
        }
    }
    return false;
}

/* The number after PREFIX, up to the end of a word; 0 when there is none. */
static int64_t number_after(const char *text, const char *prefix)
{
    const char *found = strcasestr(text, prefix);
    int64_t number = 0;
    if (found == NULL) {
        return 0;
    }
    found += strlen(prefix);
    ZL_AUTO_FREE char *word = zl_strndup(found, strcspn(found, " \r\n"));
    return zl_parse_i64(word, 0, INT32_MAX, &number, NULL) == ZL_OK ? number : 0;
}

static int status_of(const char *head)
{
    return (int)number_after(head, "HTTP/1.1 ");
}

struct zl_wire_answer zl_wire_receive(struct zl_wire *wire, bool head)
{
    struct zl_wire_answer answer = {0};
    do {
        answer.head[0] = '\0';
        if (wire->fd < 0 || !receive_head(wire, &answer)) {
            return answer;
        }
    } while (status_of(answer.head) == 100);
    answer.status = status_of(answer.head);
    size_t expected = head ? 0 : (size_t)number_after(answer.head, "\r\nContent-Length: ");
    /* No byte of the next answer. */
    for (size_t read = 0; read < expected;) {
        char scrap[4096];
        const size_t room = sizeof answer.body - 1 - answer.body_length;
        const size_t left = expected - read, most = room > 0 ? room : sizeof scrap;
        ssize_t got = receive_some(wire, room > 0 ? answer.body + answer.body_length : scrap,
                                   left < most ? left : most);
        if (got <= 0) {
            break;
        }
        read += (size_t)got;
        answer.body_length += room > 0 ? (size_t)got : 0;
    }
    return answer;
}

bool zl_wire_is_closed(struct zl_wire *wire, int wait_ms)
{
    char scrap[4096];
    int64_t until_ms = zl_clock_ms() + wait_ms;
    for (;;) {
        int64_t left_ms = until_ms - zl_clock_ms();
        struct pollfd ready = {.fd = wire->fd, .events = POLLIN};
        if (poll(&ready, 1, left_ms < 0 ? 0 : (int)left_ms) <= 0) {
            return false;
        }
        if (recv(wire->fd, scrap, sizeof scrap, MSG_DONTWAIT) <= 0) {
            return true;
        }
    }
}

static char *take_pem(BIO *bio)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);
    char *pem = zl_strndup(data, (size_t)length);
    BIO_free(bio);
    return pem;
}

static void self_signed(EVP_PKEY *key, long from_s, long until_s, char **cert_pem, char **key_pem)
{
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), until_s);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    BIO *cert_out = BIO_new(BIO_s_mem()), *key_out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(cert_out, cert);
    PEM_write_bio_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL);
    *cert_pem = take_pem(cert_out);
    *key_pem = take_pem(key_out);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void zl_self_signed(const char *curve, char **cert_pem, char **key_pem)
{
    self_signed(EVP_EC_gen(curve), -60, 3600, cert_pem, key_pem);
}

void zl_self_signed_for(long from_s, long until_s, char **cert_pem, char **key_pem)
{
    self_signed(EVP_EC_gen("P-256"), from_s, until_s, cert_pem, key_pem);
}
