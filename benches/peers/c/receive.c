/* hiredis as its users use it: the default reply objects, each freed once it was looked at. */

#include <stdlib.h>
#include <string.h>

#include "hiredis.h"

/* What the optimizer must believe was used. */
static inline void touch_bytes(const char *bytes, size_t len) { __asm__ volatile("" : : "r"(bytes), "r"(len) : "memory"); }
static inline void touch_integer(long long integer) { __asm__ volatile("" : : "r"(integer)); }
static inline void touch_double(double number) { __asm__ volatile("" : : "x"(number)); }

static void touch(const redisReply *reply) {
	switch (reply->type) {
	case REDIS_REPLY_ARRAY:
	case REDIS_REPLY_MAP:
	case REDIS_REPLY_SET:
	case REDIS_REPLY_ATTR:
	case REDIS_REPLY_PUSH:
		for (size_t i = 0; i < reply->elements; i++) touch(reply->element[i]);
		break;
	case REDIS_REPLY_INTEGER:
	case REDIS_REPLY_BOOL:
	case REDIS_REPLY_NIL:
		touch_integer(reply->integer);
		break;
	case REDIS_REPLY_DOUBLE:
		touch_double(reply->dval);
		break;
	default:
		touch_bytes(reply->str, reply->len);
	}
}

redisReader *peers_reader_new(void) { return redisReaderCreate(); }
void peers_reader_free(redisReader *reader) { redisReaderFree(reader); }

/* How many replies are whole with this piece, or -1. */
long peers_reader_feed(redisReader *reader, const char *piece, size_t len) {
	long replies = 0;
	if (redisReaderFeed(reader, piece, len) != REDIS_OK) return -1;
	for (;;) {
		void *reply = NULL;
		if (redisReaderGetReply(reader, &reply) != REDIS_OK) return -1;
		if (reply == NULL) return replies;
		touch(reply);
		freeReplyObject(reply);
		replies++;
	}
}

/* A connection that is subscribed to `channel`, or NULL. */
redisContext *peers_subscribe(int port, int protocol, const char *channel) {
	redisContext *context = redisConnect("127.0.0.1", port);
	if (context == NULL || context->err) goto failed;
	/* Pushes are to come as replies. */
	redisSetPushCallback(context, NULL);
	redisReply *hello = redisCommand(context, "HELLO %d", protocol);
	if (hello == NULL) goto failed;
	int refused = hello->type == REDIS_REPLY_ERROR;
	freeReplyObject(hello);
	if (refused) goto failed;
	if (redisAppendCommand(context, "SUBSCRIBE %s", channel) != REDIS_OK) goto failed;
	for (int done = 0; !done;)
		if (redisBufferWrite(context, &done) != REDIS_OK) goto failed;
	return context;
failed:
	if (context != NULL) redisFree(context);
	return NULL;
}

void peers_disconnect(redisContext *context) { redisFree(context); }

/* Reads once and hands each message's payload to `each`, or only looks at it if that is NULL. Returns how many messages
 * there were before one that says "end", which sets `ended`; -1 is an error. */
long peers_receive(redisContext *context, int *ended, void (*each)(void *, const char *, size_t), void *data) {
	long messages = 0;
	if (redisBufferRead(context) != REDIS_OK) return -1;
	for (;;) {
		void *next = NULL;
		if (redisGetReplyFromReader(context, &next) != REDIS_OK) return -1;
		if (next == NULL) return messages;
		const redisReply *reply = next;
		if ((reply->type == REDIS_REPLY_PUSH || reply->type == REDIS_REPLY_ARRAY) && reply->elements == 3 &&
		    reply->element[0]->len == 7 && memcmp(reply->element[0]->str, "message", 7) == 0) {
			const redisReply *payload = reply->element[2];
			touch_bytes(reply->element[1]->str, reply->element[1]->len);
			touch_bytes(payload->str, payload->len);
			if (payload->len == 3 && memcmp(payload->str, "end", 3) == 0) *ended = 1;
			else {
				messages++;
				if (each != NULL) each(data, payload->str, payload->len);
			}
		}
		freeReplyObject(next);
	}
}
