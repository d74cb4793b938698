// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#define ALLOW_EXPERIMENTAL_API // rte_cryptodev_sym_session_pool_create(): not in DPDK's stable ABI yet
#include "bench/rte_ipsec_esp.h"

#include "bench/bench_eal.h"

#include <rte_cryptodev.h>
#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_ipsec.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace systole::bench {

namespace {

using crypto::Suite;

constexpr std::size_t outer_bytes = sizeof(rte_ipv4_hdr);
constexpr std::uint32_t replay_window = 128;
constexpr const char *cbc_driver = "crypto_aesni_mb";
constexpr const char *gcm_driver = "crypto_aesni_gcm";

[[noreturn]] void fail(const char *what)
{
	std::fprintf(stderr, "esp_bench: librte_ipsec: %s (%s)\n", what, rte_strerror(rte_errno));
	std::exit(1);
}

template <typename T> T *must(T *pointer, const char *what)
{
	if (pointer == nullptr)
		fail(what);
	return pointer;
}

rte_mempool *mbufs()
{
	static rte_mempool *const pool = must(
		rte_pktmbuf_pool_create("esp_bench", 2 * max_packets - 1, 0, 0, sizeof(Buffer) - 128, SOCKET_ID_ANY),
		"no memory for packet buffers");
	return pool;
}

rte_mempool *sessions(std::uint8_t device)
{
	static std::array<rte_mempool *, RTE_CRYPTO_MAX_DEVS> pools{};
	if (pools[device] == nullptr) {
		const std::array<char, 9> name{'s', 'e', 's', 's', 'i', 'o', 'n', static_cast<char>('0' + device), 0};
		pools[device] = must(rte_cryptodev_sym_session_pool_create(
					     name.data(), 16, rte_cryptodev_sym_get_private_session_size(device), 0, 0,
					     SOCKET_ID_ANY),
				     "no memory for crypto sessions");
	}
	return pools[device];
}

// CPU crypto uses no queue, but the driver makes no session before it has one.
void configure(const char *driver)
{
	const int id = rte_cryptodev_get_dev_id(driver);
	if (id < 0)
		fail("no crypto device: is librte-crypto-ipsec-mb installed?");
	const auto device = static_cast<std::uint8_t>(id);
	rte_cryptodev_config configuration{};
	configuration.nb_queue_pairs = 1;
	rte_cryptodev_qp_conf queue{};
	queue.nb_descriptors = 64;
	queue.mp_session = sessions(device);
	if (rte_cryptodev_configure(device, &configuration) != 0 ||
	    rte_cryptodev_queue_pair_setup(device, 0, &queue, SOCKET_ID_ANY) != 0 || rte_cryptodev_start(device) != 0)
		fail("the crypto device does not start");
}

const std::uint8_t *octets(crypto::Bytes bytes)
{
	return reinterpret_cast<const std::uint8_t *>(bytes.data());
}

} // namespace

void start_crypto_devices(const std::string &program)
{
	start_eal(program, 64, {cbc_driver, gcm_driver});
	configure(cbc_driver);
	configure(gcm_driver);
}

struct RteIpsecEsp::Impl {
	Impl(const SaKey &wanted, std::size_t inner) : key(wanted), layout(wanted.suite, inner)
	{
		device = static_cast<std::uint8_t>(
			rte_cryptodev_get_dev_id(key.suite == Suite::gcm ? gcm_driver : cbc_driver));
		describe(out, RTE_SECURITY_IPSEC_SA_DIR_EGRESS);
		describe(in, RTE_SECURITY_IPSEC_SA_DIR_INGRESS);
		for (rte_mbuf *&mbuf : packets)
			mbuf = must(rte_pktmbuf_alloc(mbufs()), "no packet buffer");
		for (std::size_t i = 0; i < packets.size(); ++i) {
			make_plain(*packets[i]);
			fill_inner({rte_pktmbuf_mtod(packets[i], std::byte *), inner}, i);
		}
	}
	~Impl()
	{
		rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size()));
		for (Side *side : {&out, &in}) {
			rte_cryptodev_sym_session_free(device, side->session.crypto.ses);
			std::free(side->sa);
		}
	}
	Impl(const Impl &) = delete;
	Impl &operator=(const Impl &) = delete;

	struct Side {
		rte_ipsec_sa_prm parameters{};
		std::array<rte_crypto_sym_xform, 2> transforms{};
		rte_ipsec_sa *sa = nullptr;
		int sa_bytes = 0;
		rte_ipsec_session session{};
	};

	void describe(Side &side, rte_security_ipsec_sa_direction direction)
	{
		const bool egress = direction == RTE_SECURITY_IPSEC_SA_DIR_EGRESS;
		describe_transforms(side.transforms, egress);
		header.version_ihl = RTE_IPV4_VHL_DEF;
		header.time_to_live = 64;
		header.next_proto_id = IPPROTO_ESP;

		rte_ipsec_sa_prm &parameters = side.parameters;
		parameters.ipsec_xform.spi = spi;
		parameters.ipsec_xform.direction = direction;
		parameters.ipsec_xform.proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
		parameters.ipsec_xform.mode = RTE_SECURITY_IPSEC_SA_MODE_TUNNEL;
		parameters.ipsec_xform.tunnel.type = RTE_SECURITY_IPSEC_TUNNEL_IPV4;
		parameters.ipsec_xform.replay_win_sz = egress ? 0 : replay_window;
		parameters.tun = {.hdr_len = outer_bytes, .hdr_l3_off = 0, .next_proto = IPPROTO_IPIP, .hdr = &header};
		if (key.suite == Suite::gcm)
			std::memcpy(&parameters.ipsec_xform.salt, key.salt().data(), key.salt().size());
		parameters.crypto_xform = side.transforms.data();

		side.sa_bytes = rte_ipsec_sa_size(&parameters);
		if (side.sa_bytes <= 0)
			fail("refuses the SA");
		const auto rounded = (static_cast<std::size_t>(side.sa_bytes) + 63) / 64 * 64;
		side.sa = static_cast<rte_ipsec_sa *>(must(std::aligned_alloc(64, rounded), "no memory for an SA"));
		side.session.type = RTE_SECURITY_ACTION_TYPE_CPU_CRYPTO;
		side.session.crypto.dev_id = device;
		side.session.crypto.ses = static_cast<rte_cryptodev_sym_session *>(
			must(rte_cryptodev_sym_session_create(device, side.transforms.data(), sessions(device)),
			     "no crypto session"));
		start(side);
	}
	static void start(Side &side)
	{
		if (rte_ipsec_sa_init(side.sa, &side.parameters, static_cast<std::uint32_t>(side.sa_bytes)) < 0)
			fail("does not start the SA");
		side.session.sa = side.sa;
		if (rte_ipsec_session_prepare(&side.session) != 0)
			fail("does not start the session");
	}
	void describe_transforms(std::array<rte_crypto_sym_xform, 2> &transforms, bool egress) const
	{
		if (key.suite == Suite::gcm) {
			rte_crypto_sym_xform &aead = transforms[0];
			aead.type = RTE_CRYPTO_SYM_XFORM_AEAD;
			aead.aead.op = egress ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT;
			aead.aead.algo = RTE_CRYPTO_AEAD_AES_GCM;
			aead.aead.key = {octets(key.encryption()), 16};
			aead.aead.iv = {0, 12};
			aead.aead.digest_length = 16;
			aead.aead.aad_length = 8;
			return;
		}
		rte_crypto_sym_xform &cipher = transforms[egress ? 0 : 1];
		rte_crypto_sym_xform &hash = transforms[egress ? 1 : 0];
		transforms[0].next = &transforms[1];
		cipher.type = RTE_CRYPTO_SYM_XFORM_CIPHER;
		cipher.cipher.op = egress ? RTE_CRYPTO_CIPHER_OP_ENCRYPT : RTE_CRYPTO_CIPHER_OP_DECRYPT;
		cipher.cipher.algo = RTE_CRYPTO_CIPHER_NULL;
		if (key.suite == Suite::cbc_sha1) {
			cipher.cipher.algo = RTE_CRYPTO_CIPHER_AES_CBC;
			cipher.cipher.key = {octets(key.encryption()), 16};
			cipher.cipher.iv = {0, 16};
		}
		hash.type = RTE_CRYPTO_SYM_XFORM_AUTH;
		hash.auth.op = egress ? RTE_CRYPTO_AUTH_OP_GENERATE : RTE_CRYPTO_AUTH_OP_VERIFY;
		hash.auth.algo = RTE_CRYPTO_AUTH_SHA1_HMAC;
		hash.auth.key = {octets(key.authentication()), 20};
		hash.auth.digest_length = 12;
	}

	void make_plain(rte_mbuf &mbuf) const
	{
		mbuf.data_off = buffer_room;
		mbuf.data_len = static_cast<std::uint16_t>(layout.inner);
		mbuf.pkt_len = static_cast<std::uint32_t>(layout.inner);
		mbuf.l2_len = 0;
		mbuf.l3_len = outer_bytes;
		mbuf.ol_flags = 0;
	}
	[[nodiscard]] static bool process(Side &side, std::span<rte_mbuf *> mbufs)
	{
		const auto count = static_cast<std::uint16_t>(mbufs.size());
		return rte_ipsec_pkt_cpu_prepare(&side.session, mbufs.data(), count) == count &&
		       rte_ipsec_pkt_process(&side.session, mbufs.data(), count) == count;
	}

	SaKey key;
	EspLayout layout;
	std::uint8_t device = 0;
	rte_ipv4_hdr header{};
	Side out, in;
	std::array<rte_mbuf *, max_packets> packets{};
};

RteIpsecEsp::RteIpsecEsp(const SaKey &key, std::size_t inner) : m_impl(std::make_unique<Impl>(key, inner)) {}

RteIpsecEsp::~RteIpsecEsp() = default;

void RteIpsecEsp::seal(std::size_t count)
{
	const auto burst = std::span(m_impl->packets).first(count);
	for (rte_mbuf *mbuf : burst)
		m_impl->make_plain(*mbuf);
	if (!Impl::process(m_impl->out, burst))
		fail("does not seal");
}

std::span<const std::byte> RteIpsecEsp::sealed(std::size_t index) const
{
	const rte_mbuf *mbuf = m_impl->packets[index];
	return {rte_pktmbuf_mtod_offset(mbuf, const std::byte *, outer_bytes), mbuf->data_len - outer_bytes};
}

void RteIpsecEsp::refill(const SealedPackets &sealed)
{
	Impl::start(m_impl->in);
	for (std::size_t i = 0; i < sealed.size(); ++i) {
		rte_mbuf &mbuf = *m_impl->packets[i];
		m_impl->make_plain(mbuf);
		const std::size_t front = outer_bytes + m_impl->layout.payload;
		mbuf.data_off = static_cast<std::uint16_t>(buffer_room - front);
		mbuf.data_len = static_cast<std::uint16_t>(outer_bytes + sealed[i].size());
		mbuf.pkt_len = mbuf.data_len;
		auto *const data = rte_pktmbuf_mtod(&mbuf, std::byte *);
		rte_ipv4_hdr outer = m_impl->header;
		outer.total_length = rte_cpu_to_be_16(mbuf.data_len);
		std::memcpy(data, &outer, outer_bytes);
		std::copy(sealed[i].begin(), sealed[i].end(), data + outer_bytes);
	}
}

bool RteIpsecEsp::open(std::size_t first, std::size_t count)
{
	return Impl::process(m_impl->in, std::span(m_impl->packets).subspan(first, count));
}

std::span<const std::byte> RteIpsecEsp::opened(std::size_t index) const
{
	const rte_mbuf *mbuf = m_impl->packets[index];
	return {rte_pktmbuf_mtod(mbuf, const std::byte *), mbuf->data_len};
}

} // namespace systole::bench
