package probe

var syslogExperiments = []*experiment{}
