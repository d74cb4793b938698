// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Not a test: prints what each IPsec-MB manager takes for a burst of CBC+SHA1 packets, which is how
// IpsecMb::measured_wide_from was chosen. First line: what the whole engine takes.
//
//   build/tests/unit/crypto/esp_timing [INNER_BYTES]
#include "crypto/esp.h"
#include "crypto/ipsec_mb.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace systole::crypto;
using Clock = std::chrono::steady_clock;

// The fastest of several rounds: the machine is shared, and only slower is possible.
template <typename Work> double ns_per_packet(std::size_t packets, Work work)
{
	constexpr int rounds = 15;
	const std::size_t repeats = 20000 / packets;
	double best = 1e9;
	for (int round = 0; round < rounds; ++round) {
		const auto start = Clock::now();
		for (std::size_t i = 0; i < repeats; ++i)
			work();
		const std::chrono::duration<double, std::nano> spent = Clock::now() - start;
		best = std::min(best, spent.count() / static_cast<double>(repeats * packets));
	}
	return best;
}

constexpr std::size_t max_bytes = 2048;
using Buffer = std::array<std::byte, max_bytes>;

void engine(std::size_t inner, std::size_t packets, const SaSpec &spec)
{
	const OutboundSaPtr out = make_outbound_sa(spec);
	EspEngine esp;
	std::vector<Buffer> buffers(packets);
	std::vector<Seal> seals(packets);
	const auto seal = [&] {
		for (std::size_t i = 0; i < packets; ++i)
			seals[i] = {.sa = out.get(),
				    .inner = buffers[i].data() + 64,
				    .inner_length = inner,
				    .headroom = 64,
				    .tailroom = 64};
		esp.seal(seals);
	};
	const double sealing = ns_per_packet(packets, seal);

	// Every packet can be opened once: seal many beforehand.
	constexpr std::size_t many = 4096;
	const InboundSaPtr in = make_inbound_sa(spec);
	std::vector<Buffer> sealed(many);
	out->set_next_sequence(1);
	std::vector<Open> opens(many);
	for (std::size_t i = 0; i < many; ++i) {
		Seal one{.sa = out.get(),
			 .inner = sealed[i].data() + 64,
			 .inner_length = inner,
			 .headroom = 64,
			 .tailroom = 64};
		esp.seal({&one, 1});
		opens[i] = {.sa = in.get(), .esp = one.esp, .esp_length = one.esp_length};
	}
	const auto start = Clock::now();
	for (std::size_t i = 0; i < many; i += packets)
		esp.open(std::span(opens).subspan(i, packets));
	const std::chrono::duration<double, std::nano> spent = Clock::now() - start;
	const bool good = std::ranges::all_of(opens, [](const Open &open) { return open.refusal == Refusal::none; });
	std::printf("engine, burst of %2zu: seal %4.0f ns, open %4.0f ns%s\n", packets, sealing, spent.count() / many,
		    good ? "" : " (REFUSED)");
}

} // namespace

int main(int argc, char **argv)
{
	const std::size_t inner = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 128;
	if (inner == 0 || inner > 1438) {
		std::fprintf(stderr, "esp_timing: INNER_BYTES must be 1 to 1438\n");
		return 2;
	}
	std::array<std::byte, 52> key{};
	random_bytes(key);
	const SaSpec spec{.spi = 0x01020304, .suite = Suite::cbc_sha1, .key = key};
	std::printf("%zu inner bytes, AES-128-CBC + HMAC-SHA1-96\n", inner);
	engine(inner, 1, spec);
	engine(inner, 32, spec);

	alignas(key_schedule_align) std::array<std::byte, key_schedule_bytes> memory;
	const SaKeySchedule *const keys = expand_keys(memory, spec.suite, spec.key);
	IpsecMb narrow(IpsecMb::max_burst + 1), wide(1);
	std::vector<Buffer> buffers(IpsecMb::max_burst);
	const std::size_t bytes = 8 + 16 + (inner + 2 + 15) / 16 * 16;
	std::puts("burst    seal narrow   wide    open narrow   wide   (ns per packet, cipher alone)");
	for (const std::size_t packets : {1, 2, 4, 6, 7, 8, 10, 12, 16, 32, 64}) {
		std::vector<CipherJob> jobs;
		for (std::size_t i = 0; i < packets; ++i)
			jobs.push_back({keys, buffers[i].data(), bytes, buffers[i].data() + bytes});
		const auto seal = [&](IpsecMb &mb) {
			return ns_per_packet(packets, [&] { mb.encrypt_cbc(jobs), mb.authenticate(jobs); });
		};
		const auto open = [&](IpsecMb &mb) {
			return ns_per_packet(packets, [&] { mb.authenticate(jobs), mb.decrypt_cbc(jobs); });
		};
		std::printf("%5zu %14.0f %6.0f %14.0f %6.0f\n", packets, seal(narrow), seal(wide), open(narrow),
			    open(wide));
	}
}
