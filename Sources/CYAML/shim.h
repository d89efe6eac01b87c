// libyaml: an event parser whose events carry line and column.
#include <yaml.h>
