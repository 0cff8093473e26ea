/* Perl's headers, which come in this order. */
#ifndef PREFORK_API_H
#define PREFORK_API_H

#define PERL_NO_GET_CONTEXT
/* clang-format off */
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"
#include "perliol.h"
/* clang-format on */

#endif
