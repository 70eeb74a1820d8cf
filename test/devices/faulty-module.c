// A PKCS#11 module that passes every call on to another one and misbehaves as a file says: the faults of devices that
// no test can pull out of their sockets. FAULTY_PKCS11_TARGET is the other module, FAULTY_PKCS11_CONTROL the file, which
// is read at each call: lines of FUNCTION and what it does: a return value (0x32), "hang" (until the line is gone),
// "once:VALUE" (which removes the file), "sleep:MILLISECONDS", for C_GetTokenInfo also "flags:BITS" to add.
#include <dlfcn.h>
#include <pkcs11/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(CRASH_AT_LOAD)
__attribute__((constructor)) static void misbehave(void) { abort(); }
#elif defined(HANG_AT_LOAD)
__attribute__((constructor)) static void misbehave(void) {
  for (;;) pause();
}
#endif

#ifndef NO_FUNCTION_LIST

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST list;

// What the control file says of a function; 0 when it says nothing.
static int instruction(const char *function, char *value) {
  const char *path = getenv("FAULTY_PKCS11_CONTROL");
  FILE *file = path ? fopen(path, "r") : NULL;
  char name[64];
  int found = 0;
  while (file && !found && fscanf(file, "%63s %63s", name, value) == 2) found = strcmp(name, function) == 0;
  if (file) fclose(file);
  return found;
}

static CK_RV fault(const char *function) {
  char value[64];
  while (instruction(function, value)) {
    if (strncmp(value, "sleep:", 6) == 0) {
      usleep((useconds_t)strtoul(value + 6, NULL, 10) * 1000);
      return CKR_OK;
    }
    if (strncmp(value, "once:", 5) == 0) {
      unlink(getenv("FAULTY_PKCS11_CONTROL"));
      return strtoul(value + 5, NULL, 0);
    }
    if (strcmp(value, "hang") != 0) return strncmp(value, "flags:", 6) == 0 ? CKR_OK : strtoul(value, NULL, 0);
    usleep(10000);
  }
  return CKR_OK;
}

#define PASS(name, parameters, arguments)             \
  static CK_RV faulty_##name parameters {             \
    CK_RV rv = fault(#name);                          \
    return rv == CKR_OK ? real->name arguments : rv;  \
  }

PASS(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count), (present, slots, count))
PASS(C_OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR data, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session),
     (slot, flags, data, notify, session))
PASS(C_GetSessionInfo, (CK_SESSION_HANDLE session, CK_SESSION_INFO_PTR info), (session, info))
PASS(C_Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length),
     (session, user, pin, length))
PASS(C_GenerateKeyPair,
     (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR publics, CK_ULONG publicCount,
      CK_ATTRIBUTE_PTR privates, CK_ULONG privateCount, CK_OBJECT_HANDLE_PTR publicKey, CK_OBJECT_HANDLE_PTR privateKey),
     (session, mechanism, publics, publicCount, privates, privateCount, publicKey, privateKey))
PASS(C_UnwrapKey,
     (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key, CK_BYTE_PTR wrapped, CK_ULONG length,
      CK_ATTRIBUTE_PTR attributes, CK_ULONG count, CK_OBJECT_HANDLE_PTR object),
     (session, mechanism, key, wrapped, length, attributes, count, object))
PASS(C_SignInit, (CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key))
PASS(C_Sign,
     (CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR signature, CK_ULONG_PTR signatureLength),
     (session, data, length, signature, signatureLength))

static CK_RV faulty_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  char value[64];
  CK_RV rv = fault("C_GetTokenInfo");
  if (rv == CKR_OK) rv = real->C_GetTokenInfo(slot, info);
  if (rv == CKR_OK && instruction("C_GetTokenInfo", value) && strncmp(value, "flags:", 6) == 0) {
    info->flags |= strtoul(value + 6, NULL, 0);
  }
  return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR out) {
  const char *target = getenv("FAULTY_PKCS11_TARGET");
  void *module = target ? dlopen(target, RTLD_NOW | RTLD_LOCAL) : NULL;
  CK_C_GetFunctionList getList = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
  if (!getList || getList(&real) != CKR_OK) return CKR_GENERAL_ERROR;
  list = *real;
  list.C_GetSlotList = faulty_C_GetSlotList;
  list.C_GetTokenInfo = faulty_C_GetTokenInfo;
  list.C_OpenSession = faulty_C_OpenSession;
  list.C_GetSessionInfo = faulty_C_GetSessionInfo;
  list.C_Login = faulty_C_Login;
  list.C_GenerateKeyPair = faulty_C_GenerateKeyPair;
  list.C_UnwrapKey = faulty_C_UnwrapKey;
  list.C_SignInit = faulty_C_SignInit;
  list.C_Sign = faulty_C_Sign;
  *out = &list;
  return CKR_OK;
}

#endif
