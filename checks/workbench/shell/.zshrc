# A terminal in JupyterLab: the learner's own settings first, then the labs' commands before all others.
ZDOTDIR=$COLDSTART_ZDOTDIR
[ -r "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"
PATH=$COLDSTART_BIN:$PATH
unset AWS_PROFILE AWS_DEFAULT_PROFILE
