/* SPDX-License-Identifier: MIT */
/*
 * Tests that ThreadSanitizer leaves no room or no time for. They run one thread, and lose nothing.
 */
#ifndef TESTS_SANITIZER_H
#define TESTS_SANITIZER_H

#ifdef __has_feature /* clang */
#define THREAD_SANITIZER __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_THREAD__) /* gcc */
#define THREAD_SANITIZER 1
#else
#define THREAD_SANITIZER 0
#endif

/* Ends the test as skipped under ThreadSanitizer. After <cmocka.h>. */
#define SKIP_UNDER_THREAD_SANITIZER(reason)                                     \
	do {                                                                    \
		if (THREAD_SANITIZER) {                                         \
			print_message("under ThreadSanitizer: %s\n", (reason)); \
			skip();                                                 \
		}                                                               \
	} while (0)

#endif
